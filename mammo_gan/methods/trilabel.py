"""The infilling GAN on tri-labels (shen2021_trilabel, section 3.3).

A generator sees a patch whose lesion is replaced by noise, the lesion's mask and the margin around it, and redraws the
patch with a mass. A discriminator tells pairs of a tri-label and its real patch from pairs with a drawn one, part by
part. Each iteration updates both; what is drawn is also held to the real patch by VGG-19's features (equations 3 to 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from mammo_gan.data.batches import TriLabelBatch
from mammo_gan.losses.adversarial import NonSaturatingLoss
from mammo_gan.losses.feature import FeatureMatchingLoss
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.base import GanMethod, frozen

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class Pairs(NamedTuple):
    """Tri-labels (B, 3 or 2, H, W), the real patch of each and the drawn one (B, 1, H, W), in [-1, 1]; no graphs."""

    tri_label: Tensor
    real: Tensor
    synthetic: Tensor


class TriLabelGAN(GanMethod):
    """Trains a generator and a discriminator of pairs on infilling.

    Args:
        generator: tri-label (B, 3 or 2, H, W) to (B, 1, H, W) in [-1, 1].
        discriminator: (tri-label, image) to logits (B, h, w).
        image_size: side of the patches in px.
        adversarial_loss, feature_loss: the two terms of equation 5.
        feature_weight: its lambda.
        generator_optimizer, discriminator_optimizer: make an optimiser from parameters.
        log_every, channels_last, learning_rate_decay: see GanMethod.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        image_size: int,
        adversarial_loss: NonSaturatingLoss,
        feature_loss: FeatureMatchingLoss,
        feature_weight: float,
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        log_every: int = 50,
        channels_last: bool = True,
        learning_rate_decay: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__(log_every=log_every, channels_last=channels_last, learning_rate_decay=learning_rate_decay)
        self.generator, self.discriminator = generator, discriminator
        self.image_size = image_size
        self.adversarial_loss, self.feature_loss = adversarial_loss, feature_loss
        self.feature_weight = feature_weight
        self.make_optimizer = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}

    def forward(self, tri_label: Tensor) -> Tensor:
        """Redraw patches with a mass in the mask: (B, 3 or 2, H, W) in [-1, 1] to (B, 1, H, W) float32 in [-1, 1]."""
        image: Tensor = self.generator(tri_label)
        return image.float()

    def discriminator_terms(self, pairs: Pairs) -> dict[str, LossTerm]:
        """The discriminator tells real pairs from drawn ones."""
        # Without batch statistics one pass over both gives the same logits as two.
        tri_labels, images = torch.cat([pairs.tri_label, pairs.tri_label]), torch.cat([pairs.real, pairs.synthetic])
        real_logits, synthetic_logits = self.discriminator(tri_labels, images).chunk(2)
        # Assumption: of the 30x30 outputs "it takes the average value as a final result" (3.3) is the mean of their
        # losses, as in the translation that is cited, not the loss of their mean.
        loss = self.adversarial_loss.discriminator(real_logits, synthetic_logits)
        return {"discriminator/adversarial": LossTerm(loss, 1.0)}

    def generator_terms(self, batch: TriLabelBatch, synthetic: Tensor | None = None) -> dict[str, LossTerm]:
        """The generator deceives and keeps to the real patch.

        `synthetic` is what it drew from the batch's tri-labels, with its graph; None = draw it now.
        """
        if synthetic is None:
            synthetic = self(batch.tri_label)
        with frozen(self.discriminator):
            logits = self.discriminator(batch.tri_label, synthetic)
        # Deviation: equation 3 prints the min-max game, whose generator minimises log(1 - D); its gradient vanishes
        # while the discriminator is ahead, so the generator raises log D, as in the translation that is cited.
        return {
            "generator/adversarial": LossTerm(self.adversarial_loss.generator(logits), 1.0),
            "generator/feature": LossTerm(self.feature_loss(batch.image, synthetic), self.feature_weight),
        }

    def training_step(self, batch: TriLabelBatch, batch_idx: int) -> None:
        generator, discriminator = cast(list[LightningOptimizer], self.optimizers())
        whole = self.accumulate == 1  # then what is drawn for the discriminator serves the generator too
        with torch.set_grad_enabled(whole):
            synthetic = self(batch.tri_label)
        self.update(discriminator, self.discriminator_terms, Pairs(batch.tri_label, batch.image, synthetic.detach()))
        self.update(generator, partial(self.generator_terms, synthetic=synthetic if whole else None), batch)
        self.end_iteration(len(batch.image))

    def configure_optimizers(self) -> list[Optimizer]:
        """The generator's and the discriminator's."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return [make(networks[name].parameters()) for name, make in self.make_optimizer.items()]
