"""Patches with a hole: what ciGAN is trained on (wu2018_cigan, 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import InfillBatch
from mammo_gan.data.borrowing import borrow_mask
from mammo_gan.data.corruption import corrupt
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.imaging.flips import random_flips


class InfillItem(NamedTuple):
    """One patch: image and corrupted (S, S) float32 in [0, 1], mask (S, S) bool, label 0 or 1."""

    image: NDArray[np.float32]
    corrupted: NDArray[np.float32]
    mask: NDArray[np.bool_]
    label: int


class InfillPatches(Dataset[InfillItem]):
    """The patches of one split, asked for as (position, index).

    `index` counts within the split. `position` is the place in the endless sequence of training items: noise, borrowed
    masks and flips are drawn from (seed, position), so an item is the same whoever asks for it and whenever.

    # Assumption: wu2018 doesn't say what is infilled on a patch without a lesion. Its mask is borrowed from the patches
    # of the same split that have one, of either pathology.

    Args:
        flips: mirror image and mask left-right and up-down, each with probability 1/2 (not in wu2018).

    Raises:
        UserError: the split has no patch, or no mask to lend to its lesion-free patches.
    """

    def __init__(self, store: PatchStore, split: SplitName, seed: int, flips: bool = False) -> None:
        self.store, self.split, self.seed, self.flips = store, split, seed, flips
        self.indices = store.indices(split)
        self.labels = store.labels[self.indices]
        self._has_lesion = store.has_lesion[self.indices]
        self._masked = self.indices[self._has_lesion]
        if not self.indices.size:
            raise UserError(f"{store.folder}: the split {split} has no patch; prepare with more patients or patches")
        if not self._masked.size:
            raise UserError(
                f"{store.folder}: no patch of the split {split} shows a lesion whose mask its {self.indices.size} "
                "lesion-free patches could borrow; prepare with more patients or patches"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: tuple[int, int]) -> InfillItem:
        position, index = place
        rng = np.random.default_rng([self.seed, position])
        row = int(self.indices[index])
        lender = row if self._has_lesion[index] else borrow_mask(self.store, row, self._masked, rng)
        image, mask = self.store.image(row), self.store.mask(lender)
        if self.flips:
            rows_and_columns = random_flips(rng)
            image, mask = image[rows_and_columns], mask[rows_and_columns]
        return InfillItem(image, corrupt(image, mask, rng), mask, int(self.labels[index]))


def collate(items: Sequence[InfillItem]) -> InfillBatch:
    """Items -> a batch, (B, 1, S, S) and (B,)."""
    return InfillBatch(
        image=torch.from_numpy(np.stack([item.image for item in items])[:, None]),
        corrupted=torch.from_numpy(np.stack([item.corrupted for item in items])[:, None]),
        mask=torch.from_numpy(np.stack([item.mask for item in items])[:, None].astype(np.float32)),
        label=torch.tensor([item.label for item in items], dtype=torch.int64),
    )
