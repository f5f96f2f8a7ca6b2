"""Before a long training: hours, memory and disk, from a few timed steps of the real networks on the real data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

import psutil
import pytorch_lightning as pl
import torch

from mammo_gan.callbacks.metric_over_training import MetricOverTraining, Sampling
from mammo_gan.methods.base import GanMethod

MIB, GIB = 2**20, 2**30
WARM_UP, TIMED = 1, 3
MEASURED = 8  # images that a metric is timed on: Inception sees a few in a second on a CPU
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
    """Times so many steps after the first ones."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.seconds_per_step = 0.0
        self._start = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        done = trainer.fit_loop.epoch_loop.batch_idx + 1
        if done == WARM_UP:
            self._start = time.perf_counter()
        elif done == WARM_UP + self.steps:
            self.seconds_per_step = (time.perf_counter() - self._start) / self.steps


def of_training(
    method: GanMethod,
    data: pl.LightningDataModule,
    trainer_settings: dict[str, Any],
    iterations: int,
    metric: MetricOverTraining | None = None,
) -> Forecast:
    """Train `method`, a throw-away copy, for a few steps and reckon from them.

    The steps are the generator's on its feature loss, about the dearest kind, so the time is rather too long.

    Args:
        metric: that is measured over the training, of which a copy is used up too.
    """
    seconds = seconds_of_steps(method, data, trainer_settings, TIMED) * iterations
    if metric is not None:
        images = iterations * int(method.images_seen) // int(method.iterations)
        seconds += seconds_of_measuring(metric, method, images) / method.trainer.world_size
    return needs_of(method, seconds)


def seconds_of_steps(
    method: GanMethod, data: pl.LightningDataModule, trainer_settings: dict[str, Any], steps: int
) -> float:
    """Of one, the mean of `steps` after the first. `method` has its trainer then, and is where it trains."""
    clock = _Clock(steps)
    trainer = pl.Trainer(
        **trainer_settings,
        limit_train_batches=WARM_UP + steps,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(method, datamodule=data)
    method.to(trainer.strategy.root_device)
    return clock.seconds_per_step


def needs_of(method: GanMethod, seconds: float) -> Forecast:
    """What a training of `seconds` needs besides, from a method that has just trained."""
    device = method.device
    on_gpu = device.type == "cuda"
    memory = torch.cuda.max_memory_allocated(device) if on_gpu else psutil.Process().memory_info().rss
    weights = sum(parameter.numel() * parameter.element_size() for parameter in method.parameters())
    return Forecast(seconds, memory, weights * ADAM_COPIES * CHECKPOINTS_KEPT, str(device))


def seconds_of_measuring(
    metric: MetricOverTraining, method: pl.LightningModule, images: int, reals: int | None = None
) -> float:
    """What `metric` takes in a training on `images` images, in one process, from a few images that it is tried on.

    The real images are seen once, the synthetic ones in each measurement. The distance itself is left out: it takes
    no time beside the features.

    Args:
        reals: how many; None = the method's `training_images`, an epoch.
    """
    epoch = int(method.training_images) if reals is None else reals  # type: ignore[arg-type]
    measurements = images // (metric.every * (1 if metric.unit == "images" else epoch))
    if not measurements:
        return 0.0
    measured = metric.metric.to(method.device)

    def measure(count: int) -> float:
        start = time.perf_counter()
        drawn = cast(Sampling, method).sample(count, torch.Generator().manual_seed(0))
        measured.update(drawn.float(), real=False)
        if drawn.is_cuda:
            torch.cuda.synchronize(drawn.device)
        return time.perf_counter() - start

    method.eval()
    with torch.inference_mode():
        measure(MEASURED)  # the first time is longer than the others
        each = measure(MEASURED) / MEASURED
    generators = 1 if metric.average is None else 2
    return each * (epoch + measurements * generators * metric.samples)


def duration(seconds: float) -> str:
    """Minutes, hours or days, whichever reads best."""
    if seconds < 2 * 3600:
        minutes = max(round(seconds / 60), 1)
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"


def size(count: int) -> str:
    """Bytes as MiB or GiB."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{max(count / MIB, 1):.0f} MiB"
