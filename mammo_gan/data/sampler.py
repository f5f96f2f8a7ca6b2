"""The endless order in which a training set is seen: one seeded permutation after another, from any position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from mammo_gan.errors import UserError
from mammo_gan.schedules.progressive import ProgressiveSchedule


class Permutations:
    """Position p is the p-th item that training sees, over all its processes. It belongs to epoch p // n and holds the
    index permutation(seed, epoch)[p % n], so each index comes once an epoch.

    Args:
        length: n, items in the set.
    """

    def __init__(self, length: int, seed: int) -> None:
        if length < 1:
            raise ValueError(f"length starts at 1: {length}")
        self.length, self.seed = length, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def index(self, position: int) -> int:
        """Quick for positions in turn, of which the present epoch's order is kept."""
        if position // self.length != self._epoch:
            self._epoch = position // self.length
            self._order = np.random.default_rng([self.seed, self._epoch]).permutation(self.length)
        return int(self._order[position % self.length])


class InfinitePermutation(Sampler[list[tuple[int, int]]]):
    """Batches of (position, index), without end, in the order of `Permutations`.

    A batch may lie across two epochs. Batch b over all processes is the positions start + b * B * W up to
    start + (b + 1) * B * W - 1, of which the process of rank r takes the r-th B. All of it is a function of the
    arguments: a run that starts at the position where another stopped goes on with the same batches, on any number of
    processes.

    It has no length, from which Lightning knows that it doesn't end.

    Args:
        length: items in the set.
        batch_size: B, items of one process.
        start: position of the first batch = images seen so far by all processes.
        rank, world_size: r and W.
    """

    def __init__(
        self, length: int, seed: int, batch_size: int, start: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        if min(length, batch_size, world_size) < 1:
            raise ValueError(f"length, batch_size and world_size start at 1: {length}, {batch_size}, {world_size}")
        _check_place(start, rank, world_size)
        self.length, self.seed, self.batch_size = length, seed, batch_size
        self.start, self.rank, self.world_size = start, rank, world_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = Permutations(self.length, self.seed)
        first = self.start + self.rank * self.batch_size
        while True:
            yield [(position, order.index(position)) for position in range(first, first + self.batch_size)]
            first += self.batch_size * self.world_size


class StagedPermutation(Sampler[list[tuple[int, int]]]):
    """Batches of (stage, index), without end, in the order of `Permutations`, as large as a schedule has them.

    A batch is as its first position has it: so many images, all of that stage. Of W processes the one of rank r takes
    every W-th of them, from the r-th on. So where W times a minibatch deviation's group divides a batch, the groups
    are those of one process (`networks.equalised.minibatch_deviation` deals in the same way).

    Args:
        length, seed, start, rank, world_size: as of `InfinitePermutation`.

    Raises:
        UserError: the processes can't share a stage's batch evenly.
    """

    def __init__(
        self,
        length: int,
        seed: int,
        schedule: ProgressiveSchedule,
        start: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        _check_place(start, rank, world_size)
        for stage, size in enumerate(schedule.batch_sizes):
            if size % world_size:
                raise UserError(
                    f"training.schedule.batch_sizes={list(schedule.batch_sizes)}: {size} images of stage {stage} can't "
                    f"be shared by {world_size} processes; choose multiples of {world_size}, or fewer devices"
                )
        self.length, self.seed, self.schedule = length, seed, schedule
        self.start, self.rank, self.world_size = start, rank, world_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order, first = Permutations(self.length, self.seed), self.start
        while True:
            now = self.schedule.progress(first)
            own = range(first + self.rank, first + now.batch_size, self.world_size)
            yield [(now.stage, order.index(position)) for position in own]
            first += now.batch_size


def _check_place(start: int, rank: int, world_size: int) -> None:
    if start < 0 or not 0 <= rank < world_size:
        raise ValueError(f"start is at least 0 and rank below world_size: {start}, {rank} of {world_size}")
