"""Which iteration was the best one by a value that is logged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytorch_lightning as pl
from torch import Tensor

from mammo_gan.errors import UserError


@dataclass(frozen=True)
class Best:
    """The best iteration is the one with the smallest ("min") or the greatest ("max") logged value of `metric`."""

    metric: str
    mode: Literal["min", "max"]

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise UserError(f'best.mode={self.mode}: "min" if less of {self.metric} is better, "max" if more is')

    def better(self, value: float, than: float | None) -> bool:
        """Strictly better. NaN and the infinities are no values."""
        if not math.isfinite(value):
            return False
        return than is None or (value < than if self.mode == "min" else value > than)


class BestSoFar:
    """Follows a logged value, and reads it from the device only when a new one was logged."""

    def __init__(self, best: Best) -> None:
        self.best = best
        self.value: float | None = None
        self.iteration: int | None = None
        self.found = False  # whether the metric has been logged by this process at all
        self._seen: tuple[Tensor, int] | None = None  # holding it keeps its memory from being given to the next one

    def improved(self, logged: Mapping[str, Tensor], iteration: int) -> bool:
        """Whether a value that is new since the last call is the best so far.

        Args:
            logged: the newest value of each metric, (), as `trainer.callback_metrics` has them.
        """
        value = logged.get(self.best.metric)
        if value is None or not self._is_new(value):
            return False
        self.found = True
        number = float(value)
        if not self.best.better(number, self.value):
            return False
        self.value, self.iteration = number, iteration
        return True

    def _is_new(self, value: Tensor) -> bool:
        # The trainer wraps a value in a new tensor at each look, so it is the memory behind it that tells.
        seen, self._seen = self._seen, (value, value._version)
        return seen is None or seen[0].data_ptr() != value.data_ptr() or seen[1] != value._version

    def state_dict(self) -> dict[str, Any]:
        return {"metric": self.best.metric, "mode": self.best.mode, "value": self.value, "iteration": self.iteration}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on comparing with the best of before, if it was one of the same metric."""
        if (state["metric"], state["mode"]) == (self.best.metric, self.best.mode):
            self.value, self.iteration = state["value"], state["iteration"]


def is_unknown(metric: str, trainer: pl.Trainer) -> bool:
    """Whether values have been logged, `metric` isn't among them, and nobody will log it later.

    What is logged at times of its own, after the first row, is announced: the method or a callback names it in an
    attribute `logs_later`, a collection of names.
    """
    logged = trainer.callback_metrics
    return bool(logged) and metric not in logged and metric not in _announced(trainer)


def unknown_metric(metric: str, trainer: pl.Trainer) -> UserError:
    names = ", ".join(sorted({*trainer.callback_metrics, *_announced(trainer)}))
    return UserError(f"best.metric={metric} is not among the logged values: {names}. Choose one of these")


def _announced(trainer: pl.Trainer) -> set[str]:
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return {name for source in (trainer.lightning_module, *callbacks) for name in getattr(source, "logs_later", ())}
