"""A new stage of a growing GAN begins with fresh optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.counting import images_seen_of
from mammo_gan.methods.mammogan import MammoGAN


class Growth(Callback):
    """Forgets the moments of both optimisers before the first batch of a stage: those of the layers that go on belong
    to a loss of other images (as Karras et al.'s published code does when layers are added).

    Which stage the moments are of is a count of the method, and so part of a checkpoint: a training that was stopped
    just before a new stage forgets them when it goes on.

    Args:
        say: told each new stage, in the first process; None = nobody.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.say = say

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        method = cast(MammoGAN, pl_module)
        stage = method.progress.stage
        if stage == int(method.optimised_stage):
            return
        for optimizer in trainer.optimizers:
            optimizer.state.clear()
        method.optimised_stage.fill_(stage)
        if self.say is not None and trainer.is_global_zero:
            self.say(
                f"{method.phase_name} from iteration {int(method.iterations) + 1}, {images_seen_of(method)} images"
            )
