"""Prepared patches for a Lightning training of an infilling GAN."""

from __future__ import annotations

import numpy as np
from torch.utils.data import DataLoader

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT, InfillBatch
from mammo_gan.data.endless import EndlessData
from mammo_gan.data.infill import InfillItem, InfillPatches, collate
from mammo_gan.data.store import PatchStore


class InfillData(EndlessData):
    """An endless loader over the training patches.

    Args:
        batch_size, workers: see `EndlessData`.
        seed: of the order, noise, borrowed masks and flips.
        flips: see `InfillPatches`.
    """

    def __init__(self, store: PatchStore, batch_size: int, seed: int, workers: int = 0, flips: bool = False) -> None:
        super().__init__(batch_size, seed, workers)
        self.store, self.flips = store, flips

    def train_dataloader(self) -> DataLoader[InfillItem]:
        """Batches of the training split without end: InfillBatch of `batch_size` patches."""
        return self.endless(InfillPatches(self.store, "train", self.seed, self.flips), collate)

    def fixed_batch(self, split: SplitName, count: int, seed: int) -> InfillBatch:
        """The same `count` patches of a split for the same seed, the two classes in turn, malignant first.

        Where a class has too few patches the other one fills up; a split of fewer patches gives all that it has.

        Raises:
            UserError: the split has no patch.
        """
        dataset = InfillPatches(self.store, split, seed)
        order = np.random.default_rng(seed).permutation(len(dataset))
        classes = [order[dataset.labels[order] == label].tolist() for label in (MALIGNANT, NON_MALIGNANT)]
        shorter = min(map(len, classes))
        in_turn = [index for pair in zip(*classes, strict=False) for index in pair]
        in_turn += [index for indices in classes for index in indices[shorter:]]
        return collate([dataset[position, index] for position, index in enumerate(in_turn[:count])])
