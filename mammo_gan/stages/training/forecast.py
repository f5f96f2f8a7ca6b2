"""Before a long training: hours, memory and disk, from a few timed steps of the real networks on the real data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psutil
import pytorch_lightning as pl
import torch

from mammo_gan.methods.base import GanMethod

MIB, GIB = 2**20, 2**30
WARM_UP, TIMED = 1, 3
ADAM_COPIES = 3  # weights and two moments in a checkpoint
CHECKPOINTS_KEPT = 3  # the last, the one before, and the one being written


@dataclass(frozen=True)
class Forecast:
    """What a training will take on this machine."""

    seconds: float
    memory: int  # bytes
    disk: int  # bytes
    device: str

    def __str__(self) -> str:
        return (
            f"training is expected to take {duration(self.seconds)} on {self.device}, "
            f"{size(self.memory)} of memory and {size(self.disk)} of disk"
        )


class _Clock(pl.Callback):
    """Times the steps after the first ones."""

    def __init__(self) -> None:
        self.seconds_per_step = 0.0
        self._start = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        done = trainer.fit_loop.epoch_loop.batch_idx + 1
        if done == WARM_UP:
            self._start = time.perf_counter()
        elif done == WARM_UP + TIMED:
            self.seconds_per_step = (time.perf_counter() - self._start) / TIMED


def of_training(
    method: GanMethod, data: pl.LightningDataModule, trainer_settings: dict[str, Any], iterations: int
) -> Forecast:
    """Train `method`, a throw-away copy, for a few steps and reckon from them.

    The steps are the generator's on its feature loss, about the dearest kind, so the time is rather too long.
    """
    clock = _Clock()
    trainer = pl.Trainer(
        **trainer_settings,
        limit_train_batches=WARM_UP + TIMED,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(method, datamodule=data)
    device = trainer.strategy.root_device
    on_gpu = device.type == "cuda"
    memory = torch.cuda.max_memory_allocated(device) if on_gpu else psutil.Process().memory_info().rss
    weights = sum(parameter.numel() * parameter.element_size() for parameter in method.parameters())
    return Forecast(clock.seconds_per_step * iterations, memory, weights * ADAM_COPIES * CHECKPOINTS_KEPT, str(device))


def duration(seconds: float) -> str:
    """Minutes, hours or days, whichever reads best."""
    if seconds < 2 * 3600:
        minutes = max(round(seconds / 60), 1)
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"


def size(count: int) -> str:
    """Bytes as MiB or GiB."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{max(count / MIB, 1):.0f} MiB"
