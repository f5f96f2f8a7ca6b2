"""Checkpoints that are whole or not there at all.

A file is written beside its target, flushed to the disk and renamed, so that a run killed at any moment leaves
the checkpoint of before. Lightning's own writer holds the whole file in memory and stages it in the system's
temporary folder, which on a cluster's node can be small and on another disk.
"""

from __future__ import annotations

import logging
import pickle
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.types import _PATH
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mammo_gan.callbacks.counting import iterations_of
from mammo_gan.callbacks.throughput import untimed
from mammo_gan.files import flush_folder, written_whole

log = logging.getLogger(__name__)

LAST, PREVIOUS, NEXT = "last.ckpt", "previous.ckpt", "next.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target, never in the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        if storage_options is not None:
            raise TypeError("AtomicCheckpointIO writes local files and takes no storage_options")
        with written_whole(Path(path)) as unfinished, unfinished.open("wb") as file:
            torch.save(checkpoint, file)


class AtomicCheckpoint(Checkpoint):
    """Keeps the newest checkpoint as last.ckpt and the one before it as previous.ckpt.

    Saves every `every_minutes` and every `every_iterations` (whichever comes first; None leaves one out), when the
    training stops, and when the process is told to end (SIGTERM, as a cluster's scheduler sends it). Lightning
    calls this callback after all others, so that what they did in an iteration is in the file.

    Args:
        folder: where the two files go; made if missing.
    """

    def __init__(self, folder: Path, every_minutes: float | None, every_iterations: int | None = None) -> None:
        if every_minutes is not None and every_minutes <= 0:
            raise ValueError(f"every_minutes is above 0 or None; got {every_minutes}")
        if every_iterations is not None and every_iterations < 1:
            raise ValueError(f"every_iterations is at least 1 or None; got {every_iterations}")
        self.folder = folder
        self.every_minutes = every_minutes
        self.every_iterations = every_iterations
        self._saved_at: int | None = None  # iteration
        self._saved_when = time.monotonic()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # A strategy that brings a writer of its own (sharded checkpoints) keeps it.
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved_at = iterations_of(pl_module) if trainer.ckpt_path else None
        self._saved_when = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        # The last one is taken here and not in on_train_end: by then the trainer has closed its epoch, and a
        # longer training could not go on from it.
        iteration = iterations_of(pl_module)
        if trainer.should_stop or self._is_due(trainer, iteration):
            self.save(trainer, iteration)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._saved_at != iterations_of(pl_module):  # data that came to an end, no iteration at all
            self.save(trainer, iterations_of(pl_module))

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # SIGTERM is raised between two iterations, so the state is whole; any other exception can come within one.
        if isinstance(exception, SIGTERMException) and self._saved_at != iterations_of(pl_module):
            self.save(trainer, iterations_of(pl_module))

    def save(self, trainer: pl.Trainer, iteration: int) -> None:
        """Write last.ckpt, the one of before becoming previous.ckpt. All processes call it; rank zero writes."""
        with untimed(trainer):
            trainer.save_checkpoint(self.folder / NEXT)
            if trainer.is_global_zero:
                last = self.folder / LAST
                if last.exists():
                    last.replace(self.folder / PREVIOUS)
                (self.folder / NEXT).replace(last)
                flush_folder(self.folder)
            trainer.strategy.barrier("AtomicCheckpoint.save")
        self._saved_at, self._saved_when = iteration, time.monotonic()

    def _is_due(self, trainer: pl.Trainer, iteration: int) -> bool:
        if self.every_iterations is not None and iteration % self.every_iterations == 0:
            return True
        if self.every_minutes is None:
            return False
        due = time.monotonic() - self._saved_when >= 60 * self.every_minutes
        if trainer.world_size == 1:
            return due
        # Clocks differ between processes, and saving needs all of them: rank zero's decides, asked now and then.
        return iteration % 16 == 0 and bool(trainer.strategy.broadcast(due))


def find_last(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` that can be loaded, or None.

    A file that can't be loaded (a disk that was full, a copy cut short) is named in a warning, and the one before it
    is taken. Files are loaded with weights_only=True: a pickle with anything but tensors and plain values is
    refused.
    """
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            log.warning("%s can't be loaded (%s); taking the checkpoint before it, if there is one", path, reason)
            continue
        return path
    return None
