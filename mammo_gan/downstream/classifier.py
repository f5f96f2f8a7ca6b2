"""The small classifier of patches (alyafi2019_dcgan, 4.4.2 and 4.6).

How good a generator is shows in what its images are worth to somebody who learns from them: a network like the
discriminator, with a fifth of its channels, tells lesions from normal tissue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from mammo_gan.losses.term import LossTerm
from mammo_gan.networks.counters import Counters
from mammo_gan.schedules.epochs import epoch_of

LOSS = "classifier/cross_entropy"


class Classifier(Counters, LightningModule):
    """Trains a network to tell positive patches from negative ones, by binary cross-entropy.

    Progress is in two buffers of the checkpoint: `iterations`, () int64, and `images_seen`, () int64, synthetic ones
    included. It trains in one process.

    Args:
        network: image (B, 1, H, W) in [0, 1] -> (B,) logits.
        optimizer: makes an optimiser from parameters.
        decay: an epoch's factor on the learning rate; None = constant.
        log_every: iterations between two rows of logged values.
        channels_last: keep images and weights in channels-last order, which most convolutions run faster in.

    Attributes:
        learning_rate_factor: on the learning rate, beside the decay; below 1 after a divergence.
        training_images: in an epoch; the datamodule's.
        latest_terms: of the last update, detached: what callbacks look at between backward pass and step.
    """

    iterations: Tensor
    images_seen: Tensor
    summed_loss: Tensor

    def __init__(
        self,
        network: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        decay: Callable[[int], float] | None = None,
        log_every: int = 50,
        channels_last: bool = True,
    ) -> None:
        super().__init__()
        if log_every < 1:
            raise ValueError(f"log_every is at least 1 iteration, not {log_every}")
        self.automatic_optimization = False
        self.network, self.make_optimizer, self.decay = network, optimizer, decay
        self.log_every, self.channels_last = log_every, channels_last
        self.learning_rate_factor = 1.0
        self.training_images = 0
        self.latest_terms: dict[str, LossTerm] = {}
        self.register_counter("iterations")
        self.register_counter("images_seen")
        self.register_buffer("summed_loss", torch.zeros(2))  # since the last row: sum, iterations

    @property
    def epoch(self) -> int:
        """Of the next iteration, from 0."""
        return epoch_of(int(self.images_seen), self.training_images)

    @property
    def phase_name(self) -> str:
        """What is being trained now, for the progress bar."""
        return f"epoch {self.epoch + 1}"

    def setup(self, stage: str) -> None:
        if self.channels_last:
            self.to(memory_format=torch.channels_last)
        self.training_images = getattr(getattr(self.trainer, "datamodule", None), "training_images", 0)
        if not self.training_images:
            raise ValueError("an epoch has no length: the datamodule doesn't say training_images")

    def forward(self, image: Tensor) -> Tensor:
        """How sure it is that patches are positive.

        Args:
            image: (B, 1, H, W) float32 in [0, 1].

        Returns:
            (B,) float32 logits, above 0 for positive.
        """
        logits: Tensor = self.network(image)
        return logits.float()

    def loss_of(self, batch: Any) -> Tensor:
        """(), of a ClassifiedBatch; what reads something else has a loss of its own."""
        return F.binary_cross_entropy_with_logits(self(batch.image), batch.label.float())

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = cast(LightningOptimizer, self.optimizers())
        optimizer.zero_grad()
        loss = self.loss_of(batch)
        self.latest_terms = {LOSS: LossTerm(loss.detach(), 1.0)}
        self.manual_backward(loss)
        self._set_learning_rate(optimizer)
        optimizer.step()
        self.summed_loss += torch.stack([loss.detach(), torch.ones_like(loss)])
        self.iterations += 1
        self.images_seen += len(batch.image)
        if int(self.iterations) % self.log_every == 0:
            self._log_mean()

    def _set_learning_rate(self, optimizer: LightningOptimizer) -> None:
        decay = 1.0 if self.decay is None else self.decay(self.epoch)
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * decay * self.learning_rate_factor

    def _log_mean(self) -> None:
        """Log the mean loss since the last row: for callbacks, and with exact counts to the loggers."""
        total, count = self.summed_loss.tolist()
        self.summed_loss.zero_()
        self.log(LOSS, total / count, logger=False)
        row = {"iteration": int(self.iterations), "images_seen": int(self.images_seen), LOSS: total / count}
        for logger in self.loggers:
            logger.log_metrics(row, step=row["iteration"])

    def configure_optimizers(self) -> Optimizer:
        """The one of the network."""
        return self.make_optimizer(self.network.parameters())
