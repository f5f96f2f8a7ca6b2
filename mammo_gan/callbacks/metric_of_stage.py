"""How good a growing generator's images are at one of its resolutions (korkinof2019_mammogan, section 3)."""

from __future__ import annotations

from typing import Any, cast

import pytorch_lightning as pl

from mammo_gan.callbacks.counting import images_seen_of
from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.methods.mammogan import MammoGAN


class MetricOfStage(MetricOverTraining):
    """Measures as `MetricOverTraining` does, by images, while `stage` stands alone, and also after the last iteration
    of a training that ends there. Not while it fades in: a generator that does well with half of its finest layers may
    do badly with all of them, as it is used later.

    Once the training has gone on to a finer stage, the real images' part of the metric is let go.
    """

    def __init__(self, *arguments: Any, stage: int, **settings: Any) -> None:
        super().__init__(*arguments, unit="images", **settings)
        self.stage = stage

    @property
    def state_key(self) -> str:
        return f"{type(self).__name__}{self.stage}"

    @property
    def judged_by(self) -> str:
        """The value itself: a running mean would have some of the beginning of a stage in it."""
        return self._name_of_best

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        now = cast(MammoGAN, pl_module).progress
        due = images_seen_of(pl_module) // self.every > self._before // self.every or trainer.should_stop
        if due and now.stage == self.stage and now.phase == "stable":
            self.measure(trainer, pl_module)
        elif now.stage > self.stage and self._reals is not None:
            self._reals = None
            self.metric.reset()
