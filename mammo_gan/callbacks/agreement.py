"""What the processes of a training decide together, so that all of them do it after the same iteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytorch_lightning as pl
import torch
import torch.distributed


class Agreement:
    """Small whole numbers of which all processes take the greatest that any of them says.

    They travel between the CPUs. Where the trainer's own messages go from GPU to GPU, which would wait for all the work
    that is queued there, a second group of processes is made. Every process makes one, at the same time.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        self._alone = trainer.world_size == 1
        self._group: torch.distributed.ProcessGroup | None = None  # the trainer's own
        if not self._alone and torch.distributed.get_backend() != "gloo":
            self._group = cast(torch.distributed.ProcessGroup, torch.distributed.new_group(backend="gloo"))

    def greatest(self, said: Sequence[int]) -> list[int]:
        """The greatest of each number over all processes, the same in each. All of them call it with as many."""
        if self._alone:
            return list(said)
        numbers = torch.tensor(said, dtype=torch.int64)
        torch.distributed.all_reduce(numbers, op=torch.distributed.ReduceOp.MAX, group=self._group)
        return [int(number) for number in numbers.tolist()]

    def close(self) -> None:
        """Give the second group back, if there is one."""
        if self._group is not None:
            torch.distributed.destroy_process_group(self._group)
            self._group = None
