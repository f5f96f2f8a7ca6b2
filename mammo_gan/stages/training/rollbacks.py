"""A training that diverged goes on from its newest checkpoint with lower learning rates, a number of times."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed
from lightning_fabric.utilities.rank_zero import rank_zero_only

from mammo_gan.callbacks.checkpoint import find_last
from mammo_gan.errors import DivergenceError
from mammo_gan.stages.stage import write_json


@dataclass(frozen=True)
class Rollback:
    """What was seen, at which iteration, and the factor on all learning rates from then on."""

    iteration: int
    seen: str
    learning_rate_factor: float


class Rollbacks:
    """The rollbacks of one training, kept in a file beside its checkpoints: they count when it is resumed, too.

    Args:
        most: of a training; the next divergence ends it.
        factor: on the learning rates, for each.
    """

    def __init__(self, file: Path, most: int, factor: float) -> None:
        self.file, self.most, self.factor = file, most, factor
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        self.made = [Rollback(**described) for described in known]

    @property
    def learning_rate_factor(self) -> float:
        """What all learning rates are multiplied by now."""
        return self.made[-1].learning_rate_factor if self.made else 1.0

    def add(self, error: DivergenceError) -> str:
        """Note one more; a line that says so.

        Raises:
            DivergenceError: there were as many as there may be.
        """
        if len(self.made) >= self.most:
            raise DivergenceError(
                f"{error} This training was rolled back {len(self.made)} times already (divergence.rollbacks). "
                "Look at the batch that was kept and change the settings; resume=none begins again",
                iteration=error.iteration,
                seen=error.seen,
            ) from error
        factor = self.factor * self.learning_rate_factor
        self.made.append(Rollback(error.iteration, error.seen, factor))
        self._write()
        return f"{error} Rolled back ({len(self.made)} of {self.most}); learning rates are now {factor:g} of their own"

    @rank_zero_only
    def _write(self) -> None:
        write_json(self.file, [asdict(rollback) for rollback in self.made])


def put_spoiled_aside(checkpoints: Path, error: DivergenceError) -> None:
    """Leave the newest checkpoint out if the very next iteration diverged: its weights had gone wrong already."""

    @rank_zero_only
    def rename() -> None:
        newest = find_last(checkpoints)
        if newest is not None and error.iteration - iterations_in(newest) <= 1:
            newest.rename(newest.with_name(f"before-divergence-{error.iteration:07d}.ckpt"))

    rename()
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def iterations_in(checkpoint: Path | None) -> int:
    """Iterations that a checkpoint has behind it."""
    if checkpoint is None:
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]["iterations"])
