"""Checkpoints that are whole or not there at all.

A file is written beside its target, flushed to the disk and renamed, so that a run killed at any moment leaves
the checkpoint of before. Lightning's own writer holds the whole file in memory and stages it in the system's
temporary folder, which on a cluster's node can be small and on another disk.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from pathlib import Path
from signal import Signals
from typing import Any, NamedTuple

import pytorch_lightning as pl
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from mammo_gan.callbacks.agreement import Agreement
from mammo_gan.callbacks.best import Best, BestSoFar, is_unknown, unknown_metric
from mammo_gan.callbacks.checkpoint_files import LAST, NEXT, AtomicCheckpointIO, remove_unfinished, rotate
from mammo_gan.callbacks.checkpoint_files import find_last as find_last
from mammo_gan.callbacks.counting import iterations_of
from mammo_gan.callbacks.throughput import untimed
from mammo_gan.interruption import Interrupted, Interruption

log = logging.getLogger(__name__)


class _Said(NamedTuple):
    """What one process knows after an iteration. The greatest of each over all processes is what all of them do."""

    told_to_end: int  # by this signal; 0 = not
    stop: int  # 1 = the training is over
    due: int  # 1 = a checkpoint, by rank zero's clock
    best: int  # 1 = rank zero has seen the best value so far
    unknown: int  # 1 = nobody logs the value that the best iteration is chosen by


class AtomicCheckpoint(Checkpoint):
    """Keeps the newest checkpoint as last.ckpt and the one before it as previous.ckpt.

    Saves every `every_minutes` and every `every_iterations` (whichever comes first; None leaves one out), when the
    training stops, and when `interruption` has noted a signal in any of the processes. That one is saved after the
    iteration under way, outside the signal's handler, and then raises Interrupted in all processes. Lightning calls
    this callback after all others, so that what they did in an iteration is in the file.

    Args:
        folder: where the files go; made if missing.
        best: also save whenever this value is better than ever, and keep that file as best.ckpt.
    """

    def __init__(
        self,
        folder: Path,
        every_minutes: float | None,
        every_iterations: int | None = None,
        interruption: Interruption | None = None,
        best: Best | None = None,
    ) -> None:
        if every_minutes is not None and every_minutes <= 0:
            raise ValueError(f"every_minutes is above 0 or None; got {every_minutes}")
        if every_iterations is not None and every_iterations < 1:
            raise ValueError(f"every_iterations is at least 1 or None; got {every_iterations}")
        self.folder = folder
        self.every_minutes = every_minutes
        self.every_iterations = every_iterations
        self.interruption = interruption
        self.best = None if best is None else BestSoFar(best)
        self._agreement: Agreement | None = None
        self._saved_at: int | None = None  # iteration
        self._saved_when = time.monotonic()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # A strategy that brings a writer of its own (sharded checkpoints) keeps it.
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        self._agreement = Agreement(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.interruption is not None:
            self.interruption.claim()  # Lightning has put a handler of its own over it, which talks to other processes
        if trainer.is_global_zero:
            remove_unfinished(self.folder)
        self._saved_at = iterations_of(pl_module) if trainer.ckpt_path else None
        self._saved_when = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        # The last one is taken here and not in on_train_end: by then the trainer has closed its epoch, and a
        # longer training could not go on from it.
        iteration = iterations_of(pl_module)
        decided = _Said(*self._agreed(self._look(trainer, iteration)))
        if decided.stop:
            trainer.should_stop = True
        if decided.told_to_end or decided.stop or decided.due or decided.best:
            self.save(trainer, iteration, best=bool(decided.best))
        if decided.told_to_end:
            raise Interrupted(Signals(decided.told_to_end))
        if decided.unknown and self.best is not None:
            raise unknown_metric(self.best.best.metric, trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._saved_at != iterations_of(pl_module):  # data that came to an end, no iteration at all
            self.save(trainer, iterations_of(pl_module))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self._agreement is not None:
            self._agreement.close()
            self._agreement = None

    def state_dict(self) -> dict[str, Any]:
        return {} if self.best is None else {"best": self.best.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.best is not None and "best" in state_dict:
            self.best.load_state_dict(state_dict["best"])

    def save(self, trainer: pl.Trainer, iteration: int, best: bool = False) -> None:
        """Write last.ckpt, the one of before becoming previous.ckpt. All processes call it; rank zero writes.

        Args:
            best: write best.ckpt too.

        Raises:
            OSError: in all processes, if rank zero could not write; with errno and the name of the checkpoint.
        """
        with untimed(trainer):
            failure = self._write(trainer, best)
            number = 0 if failure is None else failure.errno or errno.EIO
            (number,) = self._agreed([number])
        if number:
            raise OSError(number, os.strerror(number), str(self.folder / LAST)) from failure
        self._saved_at, self._saved_when = iteration, time.monotonic()

    def _write(self, trainer: pl.Trainer, best: bool) -> OSError | None:
        try:
            trainer.save_checkpoint(self.folder / NEXT)
        except OSError as error:
            trainer.strategy.barrier("Trainer.save_checkpoint")  # where the others wait
            return error
        try:
            if trainer.is_global_zero:
                rotate(self.folder, best)
        except OSError as error:
            return error
        return None

    def _look(self, trainer: pl.Trainer, iteration: int) -> _Said:
        received = None if self.interruption is None else self.interruption.received
        first, best = trainer.is_global_zero, self.best
        return _Said(
            told_to_end=0 if received is None else int(received),
            stop=int(trainer.should_stop),
            due=int(first and self._is_due(iteration)),
            best=int(first and best is not None and best.improved(trainer.callback_metrics, iteration)),
            unknown=int(first and best is not None and not best.found and is_unknown(best.best.metric, trainer)),
        )

    def _is_due(self, iteration: int) -> bool:
        if self.every_iterations is not None and iteration % self.every_iterations == 0:
            return True
        return self.every_minutes is not None and time.monotonic() - self._saved_when >= 60 * self.every_minutes

    def _agreed(self, said: tuple[int, ...] | list[int]) -> list[int]:
        if self._agreement is None:
            raise RuntimeError("AtomicCheckpoint is a callback of a running training")
        return self._agreement.greatest(said)
