"""Which context gets which mask: the plan of an exchange of lesions (wu2018, 3.2).

"For each non-malignant image, we generate a malignant lesion onto it using a mask from another malignant lesion. For
each malignant patch, we remove the malignant lesion and generate a non-malignant image in its place."
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.borrowing import borrow_mask
from mammo_gan.data.store import PatchRow, PatchStore
from mammo_gan.errors import UserError

log = logging.getLogger(__name__)

DIRECTIONS = {MALIGNANT: "non-malignant->malignant", NON_MALIGNANT: "malignant->non-malignant"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One synthetic patch to make. Patches are named by their number in the store."""

    parent: int  # lends the context
    mask_parent: int  # lends the mask; the parent itself where a lesion is removed
    label: int  # the class to generate
    seed: int  # of the noise in the mask


def plan_exchange(
    store: PatchStore,
    *,
    split: SplitName,
    malignant: int | None,
    non_malignant: int | None,
    seed: int,
) -> list[Exchange]:
    """The exchange within one split, the malignant patches first. A pure function of its arguments.

    Every parent is used once before any is used twice. A lesion is never laid on the image it comes from, and its mask
    lies on the breast where it can (see `borrow_mask`).

    Args:
        split: lends contexts and masks: the one that the generator was trained on.
        malignant, non_malignant: patches to make of each class; None = one per parent, as the paper does.

    Raises:
        UserError: if there is no parent or no mask for what is asked.
    """
    rng, lenders = np.random.default_rng(seed), _Lenders(store, split)
    healthy, diseased = (_patches(store.rows, split, label) for label in (NON_MALIGNANT, MALIGNANT))
    added = [
        Exchange(parent, lenders.draw(parent, rng), MALIGNANT, _seed(rng))
        for parent in _parents(healthy, malignant, rng, f"non-malignant patch in the split {split}")
    ]
    removed = [
        Exchange(parent, parent, NON_MALIGNANT, _seed(rng))
        for parent in _parents(diseased, non_malignant, rng, f"malignant patch in the split {split}")
    ]
    return added + removed


def plan_examples(
    store: PatchStore, *, contexts: Sequence[SplitName], masks: SplitName, count: int, seed: int
) -> list[Exchange]:
    """Exchanges for Figure 1, "using previously unseen patches as context": up to `count` of each direction.

    The first split of `contexts` that has parents for a direction lends them, of as many patients as it can. Where
    none has any, the direction is left out and a warning says so.

    Args:
        masks: the split that lends the masks of malignant lesions. A removed lesion has its own.
    """
    rng, lenders = np.random.default_rng(seed), _Lenders(store, masks)
    examples = []
    for label in (NON_MALIGNANT, MALIGNANT):
        candidates = (_of_many_patients(store.rows, split, 1 - label, rng) for split in contexts)
        parents = next(filter(None, candidates), [])[:count]
        if not parents:
            log.warning("no patch of %s for examples %s", " or ".join(contexts), DIRECTIONS[label])
        for parent in parents:
            mask_parent = parent if label == NON_MALIGNANT else lenders.draw(parent, rng)
            examples.append(Exchange(parent, mask_parent, label, _seed(rng)))
    return examples


class _Lenders:
    """The malignant patches of a split, whose masks can be lent."""

    def __init__(self, store: PatchStore, split: SplitName) -> None:
        self.store, self.split = store, split
        # (N,) one number per image, so that a parent's own image is found by comparing integers.
        _, self.image = np.unique([row.image_key for row in store.rows], return_inverse=True)
        self.patches: NDArray[np.intp] = np.array(_patches(store.rows, split, MALIGNANT), dtype=np.intp)

    def draw(self, parent: int, rng: np.random.Generator) -> int:
        """A patch that is cut from another image than the parent."""
        others = self.patches[self.image[self.patches] != self.image[parent]]
        if not others.size:
            raise UserError(
                f"{self.store.folder}: no other image of the split {self.split} has a malignant lesion that could lend "
                f"its mask to patch {parent}; prepare more patches, or ask for no malignant ones"
            )
        return borrow_mask(self.store, parent, others, rng)


def _patches(rows: Sequence[PatchRow], split: SplitName, label: int) -> list[int]:
    return [k for k, row in enumerate(rows) if row.split == split and row.label == label]


def _of_many_patients(rows: Sequence[PatchRow], split: SplitName, label: int, rng: np.random.Generator) -> list[int]:
    """Patches of a split and class in random order, one of each patient first, then a second one, and so on."""
    shuffled: list[int] = rng.permutation(_patches(rows, split, label)).astype(int).tolist()
    turns: Counter[str] = Counter()
    turn_of = {}
    for k in shuffled:
        turn_of[k] = turns[rows[k].patient_key]
        turns[rows[k].patient_key] += 1
    return sorted(shuffled, key=turn_of.__getitem__)


def _parents(candidates: list[int], count: int | None, rng: np.random.Generator, what: str) -> list[int]:
    """`count` of the candidates in random order, in whole rounds; each once, in their own order, if None."""
    if count is None:
        return candidates
    if count and not candidates:
        raise UserError(f"{count} synthetic patches were asked for, and there is no {what}; prepare more patches")
    chosen: list[int] = []
    while len(chosen) < count:
        chosen.extend(rng.permutation(candidates)[: count - len(chosen)].tolist())
    return chosen


def _seed(rng: np.random.Generator) -> int:
    """Fits the signed 64 bits of a record."""
    return int(rng.integers(2**62))
