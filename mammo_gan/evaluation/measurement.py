"""What is measured on each patch, real or synthetic, in one pass over the pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.borrowing import borrow_mask
from mammo_gan.data.store import PatchStore
from mammo_gan.evaluation.boundary import edge_steps
from mammo_gan.statistics.moments import Moments, moments
from mammo_gan.synthesis.reading import SyntheticSet

Values = NDArray[np.float64]
MOMENTS = Moments._fields


class Patch(NamedTuple):
    """image: (H, W) float32 in [0, 1]; mask: (H, W) bool, the region that is infilled in a synthetic patch."""

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    patient: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of N patches, in the order they came in."""

    patients: tuple[str, ...]  # keyed hashes
    whole: Values  # (N, 5), the moments of the whole patch
    in_mask: Values  # (N, 5), of the pixels in the mask
    across: Values  # (N,), see boundary.edge_steps
    beside: Values  # (N,)
    features: Values  # (N, D)

    def __len__(self) -> int:
        return len(self.patients)


class PatchGroup:
    """Some patches of a set, loaded one after the other when it is iterated over."""

    def __init__(self, numbers: Sequence[int], load: Callable[[int], Patch]) -> None:
        self.numbers, self.load = numbers, load

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Patch]:
        return map(self.load, self.numbers)


def real_patches(
    store: PatchStore, splits: Sequence[SplitName], label: int, limit: int | None, seed: int
) -> PatchGroup:
    """Patches of a class in random order, `limit` at most.

    A patch without a lesion has no mask: it borrows that of a malignant lesion of the training split, so that the same
    regions are compared in real and synthetic patches.
    """
    rng = np.random.default_rng(seed)
    lenders = np.flatnonzero([row.split == "train" and row.label == MALIGNANT for row in store.rows])
    candidates = [k for k, row in enumerate(store.rows) if row.split in splits and row.label == label]
    numbers: list[int] = rng.permutation(candidates)[:limit].astype(int).tolist()
    mask_of = {number: number for number in numbers}
    if lenders.size:
        mask_of |= {k: borrow_mask(store, k, lenders, rng) for k in numbers if not store.has_lesion[k]}
    return PatchGroup(numbers, lambda k: Patch(store.image(k), store.mask(mask_of[k]), store.rows[k].patient_key))


def synthetic_patches(synthetic: SyntheticSet, label: int, limit: int | None, seed: int) -> PatchGroup:
    """Patches generated for a class in random order, `limit` at most; the patient is the parent's."""
    candidates = [k for k in range(len(synthetic)) if synthetic.label(k) == label]
    numbers: list[int] = np.random.default_rng(seed).permutation(candidates)[:limit].astype(int).tolist()
    return PatchGroup(numbers, lambda k: Patch(synthetic.image(k), synthetic.mask(k), synthetic.records[k].patient))


def measure(
    patches: Iterable[Patch], extractor: nn.Module, *, band: int, batch_size: int, device: torch.device | str
) -> Measured:
    """Measure patches as they come.

    Args:
        extractor: image (B, 1, H, W) float32 in [0, 1] -> features (B, D).
        band: px beside the mask's edge that its step is compared with.
    """
    extractor.to(device).eval()
    parts = [_measure_batch(group, extractor, band, device) for group in _groups(patches, batch_size)]
    if not parts:
        empty = np.empty((0, 5))
        return Measured((), empty, empty, np.empty(0), np.empty(0), np.empty((0, 1)))
    patients, *values = zip(*parts, strict=True)
    return Measured(tuple(name for group in patients for name in group), *(np.concatenate(part) for part in values))


def _measure_batch(
    group: list[Patch], extractor: nn.Module, band: int, device: torch.device | str
) -> tuple[list[str], Values, Values, Values, Values, Values]:
    images = np.stack([patch.image for patch in group])  # (B, H, W)
    masks = np.stack([patch.mask for patch in group])
    steps = np.array([edge_steps(image, mask, band) for image, mask in zip(images, masks, strict=True)])
    with torch.inference_mode():
        features = extractor(torch.from_numpy(images)[:, None].to(device))
    return (
        [patch.patient for patch in group],
        np.stack(moments(images), axis=1),
        np.stack(moments(images, masks), axis=1),
        steps[:, 0],
        steps[:, 1],
        features.double().cpu().numpy(),
    )


def _groups(patches: Iterable[Patch], size: int) -> Iterator[list[Patch]]:
    group: list[Patch] = []
    for patch in patches:
        group.append(patch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
