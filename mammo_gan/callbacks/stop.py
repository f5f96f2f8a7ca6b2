"""The end of a training, in iterations."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.counting import iterations_of


class StopAtIteration(Callback):
    """Stops when the method has done `iterations`.

    A resumed training that is complete already stops before its first step. The trainer's own max_steps can't
    serve: under manual optimisation it counts the steps of all optimisers.
    """

    def __init__(self, iterations: int) -> None:
        if iterations < 0:
            raise ValueError(f"a training has at least 0 iterations; got {iterations}")
        self.iterations = iterations

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self._check(trainer, pl_module)

    def _check(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if iterations_of(pl_module) >= self.iterations:
            trainer.should_stop = True
