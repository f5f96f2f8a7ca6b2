"""Images per second of training itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.counting import images_seen_of, iterations_of

IMAGES_PER_SECOND = "images_per_second"


class Throughput(Callback):
    """Logs `images_per_second`, measured over windows of `every_iterations`.

    Time within `untimed` (checkpoints, sample grids) isn't counted, nor is the first iteration, which builds
    kernels and starts workers. Waiting for data is counted: it's part of the speed. A window ends at a multiple of
    `every_iterations`; one cut shorter than half by a resume goes on to the next.
    """

    def __init__(self, every_iterations: int) -> None:
        if every_iterations < 1:
            raise ValueError(f"a window has at least one iteration; got {every_iterations}")
        self.every_iterations = every_iterations
        self.latest: float | None = None  # images per second of the last whole window
        self._start: tuple[float, int, int] | None = None  # of the window: clock, iteration, images seen
        self._left_out = 0.0  # s of the window

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = None

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        done = iterations_of(pl_module)
        if self._start is not None and (
            done % self.every_iterations or 2 * (done - self._start[1]) < self.every_iterations
        ):
            return
        _synchronise(trainer)
        now, images = time.perf_counter(), images_seen_of(pl_module)
        if self._start is not None:
            then, images_then = self._start[0], self._start[2]
            self.latest = (images - images_then) / max(now - then - self._left_out, 1e-9)
            self._log(trainer, done, images, self.latest)
        self._start, self._left_out = (now, done, images), 0.0

    def _log(self, trainer: pl.Trainer, iteration: int, images_seen: int, speed: float) -> None:
        # As GanMethod logs, straight to the loggers: what goes through self.log they'd get again in every iteration.
        values = {"iteration": iteration, "images_seen": images_seen, IMAGES_PER_SECOND: speed}
        for logger in trainer.loggers:
            logger.log_metrics(values, step=iteration)

    def leave_out(self, seconds: float) -> None:
        """Take `seconds` out of the present window."""
        self._left_out += seconds


def throughputs_of(trainer: pl.Trainer) -> list[Throughput]:
    """The trainer's Throughput callbacks: one, or none."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [callback for callback in callbacks if isinstance(callback, Throughput)]


@contextmanager
def untimed(trainer: pl.Trainer) -> Iterator[None]:
    """What runs within isn't training: the trainer's Throughput leaves its time out."""
    _synchronise(trainer)
    start = time.perf_counter()
    try:
        yield
    finally:
        _synchronise(trainer)
        for clock in throughputs_of(trainer):
            clock.leave_out(time.perf_counter() - start)


def _synchronise(trainer: pl.Trainer) -> None:
    """A GPU works behind the program's back: wait for it before reading the clock."""
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize(trainer.strategy.root_device)
