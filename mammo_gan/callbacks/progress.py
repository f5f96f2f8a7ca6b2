"""How far a training is: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from mammo_gan.callbacks.counting import iterations_of
from mammo_gan.callbacks.throughput import throughputs_of


class _Bar(Progress):
    """A bar with speed and losses in lines of their own below it, so that a narrow terminal shows them too."""

    values = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.values, no_wrap=False, overflow="fold")


class IterationProgress(ProgressBar):
    """Shows iterations done, the method's phase, its losses, images/s and the time left.

    On a terminal it is a bar with the values below it, redrawn at most every `bar_seconds`; elsewhere (a scheduler's
    log) a line every `line_seconds`. Losses are read from the device only then. A resumed training starts where it
    was, and its time left is reckoned from the iterations of this process alone.

    Args:
        iterations: of the whole training.
        losses: names of logged values to show, in order; all that are logged if empty.
        console: where to write; the terminal without it.
    """

    def __init__(
        self,
        iterations: int,
        losses: Sequence[str] = (),
        line_seconds: float = 30.0,
        bar_seconds: float = 0.5,
        console: Console | None = None,
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.losses = tuple(losses)
        self.line_seconds = line_seconds
        self.bar_seconds = bar_seconds
        self.console = console or Console(soft_wrap=True, highlight=False)
        self._enabled = True
        self._bar: _Bar | None = None
        self._task = TaskID(0)
        self._start = (0.0, 0)  # clock and iteration
        self._shown = 0.0

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Writes above the bar."""
        self.console.print(*args, markup=False, **kwargs)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now, done = time.monotonic(), iterations_of(pl_module)
        self._start, self._shown = (now, done), now
        if self._enabled and self.console.is_terminal and done < self.iterations:
            self._bar = _Bar(
                TextColumn("{task.fields[phase]}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
                console=self.console,
                auto_refresh=False,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self.iterations, completed=done, phase="", left="")

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if not self._enabled:
            return
        now = time.monotonic()
        if now - self._shown >= (self.line_seconds if self._bar is None else self.bar_seconds):
            self._shown = now
            self._show(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._enabled and iterations_of(pl_module) > self._start[1]:
            self._show(trainer, pl_module)
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._close()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        done = iterations_of(pl_module)
        phase = str(getattr(pl_module, "phase_name", ""))
        values = "  ".join([*self._speed(trainer), *self._losses(trainer)])
        left = self._left(done)
        if self._bar is not None:
            self._bar.values = values
            self._bar.update(self._task, completed=done, phase=phase, left=left, refresh=True)
        else:
            parts = [f"iteration {done}/{self.iterations}", phase, left, values]
            self.console.print("  ".join(part for part in parts if part), markup=False)

    def _losses(self, trainer: pl.Trainer) -> list[str]:
        logged = trainer.callback_metrics
        return [f"{name} {float(logged[name]):.4g}" for name in self.losses or logged if name in logged]

    def _speed(self, trainer: pl.Trainer) -> list[str]:
        latest = [clock.latest for clock in throughputs_of(trainer)]
        return [f"{speed:.1f} images/s" for speed in latest if speed is not None]

    def _left(self, done: int) -> str:
        then, start = self._start
        if done <= start or done >= self.iterations:
            return ""
        seconds = (time.monotonic() - then) / (done - start) * (self.iterations - done)
        return f"{timedelta(seconds=round(seconds))} left"
