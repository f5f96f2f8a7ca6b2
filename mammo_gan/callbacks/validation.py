"""How well a classifier tells the validation split's patches apart while it learns (alyafi2019_dcgan, section 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.counting import iterations_of
from mammo_gan.callbacks.rows import log_row
from mammo_gan.callbacks.undisturbed import undisturbed
from mammo_gan.data.batches import ClassifiedBatch
from mammo_gan.metrics.auc import AucWithInterval
from mammo_gan.metrics.f1 import F1, NAMES

F1_NAME, AUC_NAME = "validation/f1", "validation/auc"


class Validation(Callback):
    """Logs validation/precision, validation/recall, validation/f1 and validation/auc, nan without both classes.

    Measured every `every_iterations` and after the last one, so that a training of any length has a best iteration. The
    training isn't touched: the classifier goes to eval mode and back, and random states stay as they were.

    Args:
        batches: of the validation split; kept in memory, since they are looked at hundreds of times.
        every_iterations: between two measurements.
        iterations: of the whole training.
    """

    logs_later = frozenset({AUC_NAME, *(f"validation/{name}" for name in NAMES)})  # than the first row of a training

    def __init__(self, batches: Sequence[ClassifiedBatch], every_iterations: int, iterations: int) -> None:
        if every_iterations < 1:
            raise ValueError(f"every_iterations is at least 1; got {every_iterations}")
        self.batches, self.every_iterations, self.iterations = batches, every_iterations, iterations
        self.f1, self.auc = F1(), AucWithInterval()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        iteration = iterations_of(pl_module)
        if iteration % self.every_iterations == 0 or iteration == self.iterations:
            self.measure(trainer, pl_module)

    def measure(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure and log."""
        self.f1.reset()
        self.auc.reset()
        with undisturbed(trainer, pl_module):
            for batch in self.batches:
                with trainer.precision_plugin.forward_context():
                    logits = pl_module(batch.image.to(trainer.strategy.root_device))
                probabilities = torch.sigmoid(logits.cpu().double())
                self.f1.update(probabilities, batch.label)
                self.auc.update(probabilities, batch.label)
        values = {f"validation/{name}": float(value) for name, value in self.f1.compute().items()}
        log_row(trainer, pl_module, values | {AUC_NAME: float(self.auc.compute()["auc"])})
