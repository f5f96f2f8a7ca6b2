"""Lesions exchanged between real patches by a trained infilling generator (wu2018, 3.2).

"For each non-malignant image, we generate a malignant lesion onto it using a mask from another malignant lesion. For
each malignant patch, we remove the malignant lesion and generate a non-malignant image in its place."
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.corruption import corrupt
from mammo_gan.data.store import PatchRow, PatchStore
from mammo_gan.errors import UserError

log = logging.getLogger(__name__)

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

DIRECTIONS = {MALIGNANT: "non-malignant->malignant", NON_MALIGNANT: "malignant->non-malignant"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One synthetic patch to make. Patches are named by their number in the store."""

    parent: int  # lends the context
    mask_parent: int  # lends the mask; the parent itself where a lesion is removed
    label: int  # the class to generate
    seed: int  # of the noise in the mask


@dataclass(frozen=True, slots=True)
class Infilled:
    """A synthetic patch with what it was made from; all (H, W).

    original, corrupted, image: float32 in [0, 1]. mask: bool, True where the generator had noise to replace.
    """

    exchange: Exchange
    original: NDArray[np.float32]
    corrupted: NDArray[np.float32]
    mask: NDArray[np.bool_]
    image: NDArray[np.float32]


def plan_exchange(
    rows: Sequence[PatchRow],
    *,
    context: SplitName,
    masks: SplitName,
    malignant: int | None,
    non_malignant: int | None,
    seed: int,
) -> list[Exchange]:
    """Which context gets which mask; the malignant ones first. A pure function of its arguments.

    Every parent is used once before any is used twice. A lesion is never laid on the image it comes from.

    Args:
        context: the split that lends the contexts: the one that the generator was trained on.
        masks: the split that lends the masks of malignant lesions. A removed lesion has its own.
        malignant, non_malignant: patches to make of each class; None = one per parent, as the paper does.

    Raises:
        UserError: if there is no parent or no mask for what is asked.
    """
    malignant_rows = [k for k, row in enumerate(rows) if row.label == MALIGNANT]
    healthy = [k for k, row in enumerate(rows) if row.split == context and row.label == NON_MALIGNANT]
    diseased = [k for k in malignant_rows if rows[k].split == context]
    lenders = [k for k in malignant_rows if rows[k].split == masks]
    rng = np.random.default_rng(seed)
    added = [
        Exchange(parent, _lender(rows, parent, lenders, rng, masks), MALIGNANT, int(rng.integers(2**62)))
        for parent in _parents(healthy, malignant, rng, f"non-malignant patch in the split {context}")
    ]
    removed = [
        Exchange(parent, parent, NON_MALIGNANT, int(rng.integers(2**62)))
        for parent in _parents(diseased, non_malignant, rng, f"malignant patch in the split {context}")
    ]
    return added + removed


def plan_examples(
    rows: Sequence[PatchRow], *, contexts: Sequence[SplitName], masks: SplitName, count: int, seed: int
) -> list[Exchange]:
    """Exchanges for Figure 1, "using previously unseen patches as context": up to `count` of each direction.

    The first split of `contexts` that has parents for a direction lends them, of as many patients as it can. Where
    none has any, the direction is left out and a warning says so.
    """
    rng = np.random.default_rng(seed)
    examples = []
    for label in (NON_MALIGNANT, MALIGNANT):
        for split in contexts:
            parents = _of_many_patients(rows, split, 1 - label, rng)[:count]
            if parents:
                break
        else:
            log.warning("no patch of %s for examples %s", " or ".join(contexts), DIRECTIONS[label])
            continue
        lenders = [k for k, row in enumerate(rows) if row.label == MALIGNANT and row.split == masks]
        for parent in parents:
            lender = parent if label == NON_MALIGNANT else _lender(rows, parent, lenders, rng, masks)
            examples.append(Exchange(parent, lender, label, int(rng.integers(2**62))))
    return examples


def infill(
    model: nn.Module,
    store: PatchStore,
    exchanges: Sequence[Exchange],
    *,
    batch_size: int,
    device: torch.device | str,
    composite: bool = False,
    progress: Progress = lambda items, total, description: items,
) -> Iterator[Infilled]:
    """Make the patches of a plan, in its order.

    Args:
        model: a ciGAN or its generator: corrupted and mask (B, 1, H, W), label (B,) -> (B, 1, H, W) in [0, inf), which
            is clipped to [0, 1] here. It is moved to `device` and left there, in eval mode.
        composite: keep the context of the original and take the generator's output within the mask only. The paper's
            text keeps the whole output (Figure 1 shows that borders are smooth, not how), so this is off there.
        progress: progress(items, total, description), passing patches on as they are made.
    """
    model.to(device).eval()

    def patches() -> Iterator[Infilled]:
        for start in range(0, len(exchanges), batch_size):
            yield from _infill_batch(model, store, exchanges[start : start + batch_size], device, composite)

    yield from progress(patches(), len(exchanges), "synthesis")


def _infill_batch(
    model: nn.Module, store: PatchStore, group: Sequence[Exchange], device: torch.device | str, composite: bool
) -> list[Infilled]:
    originals = np.stack([store.image(exchange.parent) for exchange in group])  # (B, H, W)
    masks = np.stack([store.mask(exchange.mask_parent) for exchange in group])
    noisy = [
        corrupt(original, mask, np.random.default_rng(exchange.seed))
        for original, mask, exchange in zip(originals, masks, group, strict=True)
    ]
    corrupted = np.stack(noisy)
    label = torch.tensor([exchange.label for exchange in group], device=device)
    with torch.inference_mode():
        output: Tensor = model(_channel(corrupted, device), _channel(masks, device), label)
    images = output[:, 0].float().clamp(0.0, 1.0).cpu().numpy()
    if composite:
        images = np.where(masks, images, originals)
    return [Infilled(*fields) for fields in zip(group, originals, corrupted, masks, images, strict=True)]


def _channel(images: NDArray[Any], device: torch.device | str) -> Tensor:
    """(B, H, W) -> (B, 1, H, W) float32."""
    return torch.from_numpy(images.astype(np.float32))[:, None].to(device)


def _of_many_patients(rows: Sequence[PatchRow], split: SplitName, label: int, rng: np.random.Generator) -> list[int]:
    """Patches of a split and class in random order, one of each patient first, then a second one, and so on."""
    candidates = [k for k, row in enumerate(rows) if row.split == split and row.label == label]
    shuffled: list[int] = rng.permutation(candidates).astype(int).tolist()
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


def _lender(
    rows: Sequence[PatchRow], parent: int, lenders: list[int], rng: np.random.Generator, split: SplitName
) -> int:
    """A malignant patch, drawn evenly, that is cut from another image than the parent."""
    for _ in range(32):
        if not lenders:
            break
        lender = lenders[int(rng.integers(len(lenders)))]
        if rows[lender].image_key != rows[parent].image_key:
            return lender
    # So seldom in 32 draws that the other images are few or none: look at all of them.
    others = [k for k in lenders if rows[k].image_key != rows[parent].image_key]
    if not others:
        raise UserError(
            f"no other image of the split {split} has a malignant lesion that could lend its mask to patch {parent}; "
            "prepare more patches, or ask for no malignant ones"
        )
    return others[int(rng.integers(len(others)))]
