"""The endless order in which a training set is seen: one seeded permutation after another, from any position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class InfinitePermutation(Sampler[list[tuple[int, int]]]):
    """Batches of (position, index), without end.

    Position p is the p-th item that training sees, over all its processes. It belongs to epoch p // n and holds the
    index permutation(seed, epoch)[p % n], so each index comes once an epoch and a batch may lie across two. Batch b
    over all processes is the positions start + b * B * W up to start + (b + 1) * B * W - 1, of which the process of
    rank r takes the r-th B. All of it is a function of the arguments: a run that starts at the position where another
    stopped goes on with the same batches, on any number of processes.

    It has no length, from which Lightning knows that it doesn't end.

    Args:
        length: n, items in the set.
        batch_size: B, items of one process.
        start: position of the first batch = images seen so far by all processes.
        rank, world_size: r and W.
    """

    def __init__(
        self, length: int, seed: int, batch_size: int, start: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        if min(length, batch_size, world_size) < 1:
            raise ValueError(f"length, batch_size and world_size start at 1: {length}, {batch_size}, {world_size}")
        if start < 0 or not 0 <= rank < world_size:
            raise ValueError(f"start is at least 0 and rank below world_size: {start}, {rank} of {world_size}")
        self.length, self.seed, self.batch_size = length, seed, batch_size
        self.start, self.rank, self.world_size = start, rank, world_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = -1, np.empty(0, dtype=np.int64)
        first = self.start + self.rank * self.batch_size
        while True:
            batch = []
            for position in range(first, first + self.batch_size):
                if position // self.length != epoch:
                    epoch = position // self.length
                    order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
                batch.append((position, int(order[position % self.length])))
            yield batch
            first += self.batch_size * self.world_size
