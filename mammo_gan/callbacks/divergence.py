"""A training that has gone wrong is stopped before the step that would spoil its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.optim import Optimizer

from mammo_gan.callbacks.counting import images_seen_of, iterations_of
from mammo_gan.callbacks.divergence_figures import Figures, measure
from mammo_gan.callbacks.divergence_signs import DivergenceSigns
from mammo_gan.callbacks.kept_batch import keep, new_folder, write_json
from mammo_gan.errors import DivergenceError
from mammo_gan.methods.base import GanMethod


@dataclass(frozen=True, kw_only=True)
class _Update:
    """One that is to be looked at."""

    trainer: pl.Trainer
    figures: Callable[[], Figures]  # waits for the device
    weights: dict[str, float]
    batch: tuple[Tensor, ...]
    iteration: int
    images_seen: int
    learning_rates: list[float]


class DivergenceGuard(Callback):
    """Looks at the loss terms and the gradient of each update, between backward pass and step.

    What counts is in DivergenceSigns, whose running means are part of the checkpoint. Then the batch is kept in
    iteration-0000123 in `folder` (see kept_batch), with a seen.json: every term's value in each process, its weight and
    running mean, the norm of the gradient (with a fused optimiser under 16-mixed still multiplied by loss_scale), the
    learning rates. Iterations are counted from 1, as in metrics.csv. All processes raise at the same update, since each
    sees the terms of all.

    On a GPU, looking at once would wait for it. So figures travel while the next update is prepared, and are looked at
    before its step; that is one step too late for the weights, but no checkpoint is written before a look, nor does the
    training end.

    Args:
        folder: where batches are kept; made when one is.
        explosion, dead_updates: see DivergenceSigns.
        delayed: whether to look one update later; None = on a GPU.

    Raises:
        DivergenceError: from a training step, from saving a checkpoint or at the end of the training.
    """

    def __init__(
        self, folder: Path, explosion: float = 1000.0, dead_updates: int = 1, *, delayed: bool | None = None
    ) -> None:
        self.folder = folder
        self.delayed = delayed
        self.signs = DivergenceSigns(explosion, dead_updates)
        self._batch: tuple[Tensor, ...] = ()
        self._pending: _Update | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._batch = batch

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        self._look()
        self._pending = self._measure(trainer, cast(GanMethod, pl_module), optimizer)
        delayed = trainer.strategy.root_device.type == "cuda" if self.delayed is None else self.delayed
        if not delayed:
            self._look()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._look()
        self._batch = ()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._batch, self._pending = (), None

    def state_dict(self) -> dict[str, Any]:
        self._look()  # Lightning asks for this first of all, before it calls on_save_checkpoint
        return self.signs.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.signs.load_state_dict(state_dict)

    def _measure(self, trainer: pl.Trainer, method: GanMethod, optimizer: Optimizer) -> _Update:
        return _Update(
            trainer=trainer,
            figures=measure(method, optimizer),
            weights={name: term.weight for name, term in method.latest_terms.items()},
            batch=self._batch,
            iteration=iterations_of(method) + 1,
            images_seen=images_seen_of(method),
            learning_rates=[float(group["lr"]) for group in optimizer.param_groups],
        )

    def _look(self) -> None:
        """Look at the update that waits for it, if one does."""
        update, self._pending = self._pending, None
        if update is None:
            return
        figures = update.figures()
        seen = self.signs.look(figures)
        if seen is not None:
            kept = self._keep(update, figures, seen)
            text = f"training diverged at iteration {update.iteration}: {seen}. {kept}."
            raise DivergenceError(text, iteration=update.iteration, seen=seen)

    def _keep(self, update: _Update, figures: Figures, seen: str) -> str:
        """Keep the batch; a sentence on where it is. A full disk must not hide what was seen."""
        strategy, folder, fault = update.trainer.strategy, None, None
        try:
            if update.trainer.is_global_zero:
                folder = new_folder(self.folder, update.iteration)
                write_json(folder / "seen.json", self._described(update, figures, seen))
        except OSError as error:
            fault = error
        folder = strategy.broadcast(folder)
        try:
            if folder is not None:
                keep(folder, update.trainer.global_rank, update.batch)
        except OSError as error:
            fault = error
        strategy.barrier("DivergenceGuard")  # the first process to end takes the others with it
        return f"The batch is kept in {folder}" if fault is None else f"The batch couldn't be kept: {fault}"

    def _described(self, update: _Update, figures: Figures, seen: str) -> dict[str, Any]:
        means, scaler = self.signs.means, getattr(update.trainer.precision_plugin, "scaler", None)
        return {
            "iteration": update.iteration,
            "images_seen": update.images_seen,
            "seen": seen,
            "terms": {
                name: {"values": values, "weight": update.weights[name], "running_mean": means.get(name)}
                for name, values in figures.terms.items()
            },
            "gradient_norm": figures.gradient,
            "learning_rates": update.learning_rates,
            "loss_scale": None if scaler is None else scaler.get_scale(),
        }
