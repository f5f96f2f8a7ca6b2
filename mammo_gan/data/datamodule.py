"""Prepared patches for a Lightning training of an infilling GAN."""

from __future__ import annotations

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT, InfillBatch
from mammo_gan.data.infill import InfillItem, InfillPatches, collate
from mammo_gan.data.sampler import InfinitePermutation
from mammo_gan.data.store import PatchStore
from mammo_gan.data.workers import ignore_signals


class InfillData(pl.LightningDataModule):
    """An endless loader over the training patches that goes on where the method's `images_seen` stands.

    Trainers of several processes must be built with `use_distributed_sampler=False`: the order is shared out here.

    Args:
        batch_size: patches of one process and step.
        seed: of the order, noise, borrowed masks and flips.
        workers: processes that load; 0 = the training process itself.
        flips: see `InfillPatches`.
    """

    def __init__(self, store: PatchStore, batch_size: int, seed: int, workers: int = 0, flips: bool = False) -> None:
        super().__init__()
        self.store, self.batch_size, self.seed, self.workers, self.flips = store, batch_size, seed, workers, flips

    def train_dataloader(self) -> DataLoader[InfillItem]:
        """Batches of the training split without end: InfillBatch of `batch_size` patches.

        Without a trainer it starts at the first position, as the only process.
        """
        dataset = InfillPatches(self.store, "train", self.seed, self.flips)
        start, rank, world_size = self._place()
        order = InfinitePermutation(len(dataset), self.seed, self.batch_size, start, rank, world_size)
        return DataLoader(
            dataset,
            batch_sampler=order,
            num_workers=self.workers,
            worker_init_fn=ignore_signals,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            # A loader draws a seed for its processes when it starts. Without a generator of its own it takes it from
            # the global one, and a resumed training would differ from an uninterrupted one.
            generator=torch.Generator().manual_seed(self.seed),
        )

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

    def _place(self) -> tuple[int, int, int]:
        """Images seen by all processes, this process's rank, number of processes."""
        if self.trainer is None:
            return 0, 0, 1
        images_seen = getattr(self.trainer.lightning_module, "images_seen", 0)
        return int(images_seen), self.trainer.global_rank, self.trainer.world_size
