"""Training data without end, for Lightning: it goes on where the method's `images_seen` stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from mammo_gan.data.sampler import InfinitePermutation, StagedPermutation
from mammo_gan.data.workers import ignore_signals
from mammo_gan.schedules.progressive import ProgressiveSchedule

Item = TypeVar("Item", covariant=True)


class Placed(Protocol[Item]):
    """A dataset that is asked for (position in the endless sequence, index), or by a schedule for (stage, index)."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: tuple[int, int]) -> Item: ...


class EndlessData(pl.LightningDataModule):
    """What data modules share: an endless loader, shared out among processes, from any position on.

    Trainers of several processes must be built with `use_distributed_sampler=False`: the order is shared out here.

    Args:
        batch_size: patches of one process and step, or the schedule that says how many all processes take together and
            of which stage, so that the loader grows with the networks and needn't start anew.
        seed: of the order, and of all that is drawn for an item.
        workers: processes that load; 0 = the training process itself.
    """

    def __init__(self, batch_size: int | ProgressiveSchedule, seed: int, workers: int = 0) -> None:
        super().__init__()
        self.batch_size, self.seed, self.workers = batch_size, seed, workers

    def endless(self, dataset: Placed[Any], collate: Callable[[Sequence[Any]], Any]) -> DataLoader[Any]:
        """Batches of `dataset` without end, from where the trainer's method stands.

        Without a trainer it starts at the first position, as the only process.
        """
        return DataLoader(
            dataset,  # type: ignore[arg-type]
            batch_sampler=self._order(len(dataset)),
            num_workers=self.workers,
            worker_init_fn=ignore_signals,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            # A loader draws a seed for its processes when it starts. Without a generator of its own it takes it from
            # the global one, and a resumed training would differ from an uninterrupted one.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _order(self, length: int) -> InfinitePermutation | StagedPermutation:
        if isinstance(self.batch_size, ProgressiveSchedule):
            return StagedPermutation(length, self.seed, self.batch_size, *self._place())
        return InfinitePermutation(length, self.seed, self.batch_size, *self._place())

    def _place(self) -> tuple[int, int, int]:
        """Images seen by all processes, this process's rank, number of processes."""
        if self.trainer is None:
            return 0, 0, 1
        images_seen = getattr(self.trainer.lightning_module, "images_seen", 0)
        return int(images_seen), self.trainer.global_rank, self.trainer.world_size
