"""DCGAN for mammographic lesions (alyafi2019_dcgan, section 4.3; alyafi2020_realism).

A generator draws lesion patches from noise, a discriminator tells them from real ones, and each iteration updates both.
What makes it last on few images: a label for real images below 1, drawn anew every epoch; learning rates that fall by
epochs; and kernels of the discriminator larger than the generator's, which show it the checkerboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, NamedTuple, Protocol, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from mammo_gan.data.batches import LesionBatch
from mammo_gan.errors import UserError
from mammo_gan.losses.differentiable_augmentation import DifferentiableAugmentation
from mammo_gan.losses.gradient_penalty import r1
from mammo_gan.losses.smoothed import SmoothedLoss
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.base import GanMethod, frozen
from mammo_gan.networks.dcgan import Discriminator, Generator
from mammo_gan.schedules.epochs import epoch_of

MEASURED = 1024  # images whose bands are

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
OfEpoch = Callable[[int], float]


class Examples(Protocol):
    """A datamodule that shows its images beforehand."""

    def fixed_images(self, split: Literal["train"], count: int, seed: int) -> Tensor:
        """Up to `count` images, (N, 1, H, W) float32 in [0, 1]."""
        ...


class Latent(NamedTuple):
    """What an image is drawn from: z (B, latent) float32 of N(0, 1), label (B,) int64."""

    z: Tensor
    label: Tensor


class Pair(NamedTuple):
    """Real and synthetic images (B, 1, H, W) in [-1, 1], without graphs, of the same labels (B,)."""

    real: Tensor
    synthetic: Tensor
    label: Tensor


class DCGAN(GanMethod):
    """Trains a generator and a discriminator on lesion patches in [-1, 1].

    In a training of several processes each normalises by the batch statistics of its own share, as if the batch were
    smaller, and rank zero's running ones are kept for sampling. A batch divided into parts would do the same without
    being asked, so that is refused.

    Args:
        image_size: side of the patches in px.
        real_label: an epoch's label for real images, and the generator's target.
        flipped_labels: share of the discriminator's labels that are exchanged, real for synthetic.
        generator_optimizer, discriminator_optimizer: make an optimiser from parameters.
        generator_decay, discriminator_decay: an epoch's factor on the learning rate.
        augmentation: of all that the discriminator sees; None in the papers.
        r1_weight: gamma of the R1 penalty, of which the loss has half; 0 in the papers.
        r1_every: iterations between two penalties, each of which counts that much more.
        training_images: in an epoch; None = the datamodule's `training_images`.
        log_every, channels_last: see GanMethod.

    Raises:
        ValueError: a share, a weight or a distance is impossible.
    """

    def __init__(
        self,
        *,
        generator: Generator,
        discriminator: Discriminator,
        image_size: int,
        adversarial_loss: SmoothedLoss,
        real_label: OfEpoch,
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        generator_decay: OfEpoch,
        discriminator_decay: OfEpoch,
        flipped_labels: float = 0.0,
        augmentation: DifferentiableAugmentation | None = None,
        r1_weight: float = 0.0,
        r1_every: int = 16,
        training_images: int | None = None,
        log_every: int = 50,
        channels_last: bool = True,
    ) -> None:
        super().__init__(log_every=log_every, channels_last=channels_last)
        if not 0 <= flipped_labels <= 1 or r1_weight < 0 or r1_every < 1:
            raise ValueError(
                "flipped_labels is a share, r1_weight at least 0 and r1_every at least 1; "
                f"got {flipped_labels}, {r1_weight} and {r1_every}"
            )
        self.generator, self.discriminator = generator, discriminator
        self.image_size = image_size
        self.adversarial_loss, self.real_label, self.flipped_labels = adversarial_loss, real_label, flipped_labels
        self.make_optimizer = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.decay = {"generator": generator_decay, "discriminator": discriminator_decay}
        self.augmentation = nn.Identity() if augmentation is None else augmentation
        self.r1_weight, self.r1_every = r1_weight, r1_every
        self.training_images = training_images

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if self.accumulate > 1 and any(isinstance(module, _BatchNorm) for module in self.modules()):
            raise UserError(
                f"trainer.accumulate={self.accumulate}: expected 1 where networks have batch normalisation, whose "
                "statistics are those of a part then; choose a smaller training.batch_size, or "
                "method.generator.normalisation and method.discriminator.normalisation layer or none"
            )
        if self.training_images is None:
            self.training_images = getattr(getattr(self.trainer, "datamodule", None), "training_images", None)
        if not self.training_images:
            raise ValueError("an epoch has no length: neither the method nor its datamodule says training_images")
        self._measure_bands()

    def _measure_bands(self) -> None:
        """The deviations of networks that work on bands, off real images; those that came with weights stay."""
        both = self.generator.bands, self.discriminator.bands
        if unmeasured := [bands for bands in both if bands is not None and not bands.measured]:
            data = cast(Examples, self.trainer.datamodule)  # type: ignore[attr-defined]
            images = 2 * data.fixed_images("train", MEASURED, seed=0) - 1
            for bands in unmeasured:
                bands.measure(images.to(self.device))

    @property
    def epoch(self) -> int:
        """Of the next iteration, from 0."""
        return epoch_of(int(self.images_seen), self.training_images or 1)

    @property
    def phase_name(self) -> str:
        return f"epoch {self.epoch + 1}"

    @property
    def logs_later(self) -> set[str]:
        """The penalty isn't in every row."""
        return {"discriminator/r1"} if self.r1_weight else set()

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draw patches: z (B, latent) of N(0, 1) and, if conditional, label (B,) to (B, 1, H, W) float32 in [-1, 1]."""
        image: Tensor = self.generator(z, label)
        return image.float()

    @torch.no_grad()
    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """(count, 1, H, W) float32 in [0, 1], of all classes in turn; `source` is a generator of the CPU."""
        z = torch.randn(count, self.generator.latent, generator=source).to(self.device)
        label = torch.arange(count, device=self.device) % max(self.generator.classes, 1)
        image: Tensor = self(z, label)
        return (image + 1) / 2

    def discriminator_terms(self, pair: Pair, real_label: float, penalised: bool = False) -> dict[str, LossTerm]:
        """The discriminator tells real patches from synthetic ones; now and then it is held flat at real ones."""
        # In two passes: batch statistics over both would tell them apart, or blur what does.
        real = self.discriminator(self.augmentation(pair.real), pair.label)
        synthetic = self.discriminator(self.augmentation(pair.synthetic), pair.label)
        labels = self._labels(real, real_label, 0.0), self._labels(synthetic, 0.0, real_label)
        loss = self.adversarial_loss.discriminator(real, synthetic, *labels)
        terms = {"discriminator/adversarial": LossTerm(loss, 1.0)}
        if penalised:
            penalty = r1(lambda image: self.discriminator(self.augmentation(image), pair.label), pair.real)
            terms["discriminator/r1"] = LossTerm(penalty, self.r1_weight / 2 * self.r1_every)
        return terms

    def generator_terms(
        self, latent: Latent, real_label: float, synthetic: Tensor | None = None
    ) -> dict[str, LossTerm]:
        """The generator deceives. `synthetic` is what it drew from `latent`, with its graph; None = draw it now."""
        if synthetic is None:
            synthetic = self(*latent)
        with frozen(self.discriminator):
            logits = self.discriminator(self.augmentation(synthetic), latent.label)
        return {"generator/adversarial": LossTerm(self.adversarial_loss.generator(logits, real_label), 1.0)}

    def training_step(self, batch: LesionBatch, batch_idx: int) -> None:
        epoch, count = self.epoch, len(batch.image)
        label = self.real_label(epoch)
        generator, discriminator = cast(list[LightningOptimizer], self.optimizers())
        latent = Latent(torch.randn(count, self.generator.latent, device=self.device), batch.label)
        # The same noise serves both networks (4.3, steps one to seven), so its images are drawn once, if memory allows.
        at_once = self.accumulate == 1
        with torch.set_grad_enabled(at_once):
            synthetic = self(*latent)
        penalised = self.r1_weight > 0 and int(self.iterations) % self.r1_every == 0
        terms_of = partial(self.discriminator_terms, real_label=label, penalised=penalised)
        pair = Pair(batch.image, synthetic.detach(), batch.label)
        self.update(discriminator, terms_of, pair, self.decay["discriminator"](epoch))
        drawn = partial(self.generator_terms, real_label=label, synthetic=synthetic if at_once else None)
        self.update(generator, drawn, latent, self.decay["generator"](epoch))
        self.end_iteration(count)

    def _labels(self, logits: Tensor, label: float, other: float) -> float | Tensor:
        """`label`, or for each image (B,) `label` or, flipped, `other`."""
        if self.flipped_labels == 0:
            return label
        flipped = torch.rand(logits.shape, device=logits.device) < self.flipped_labels
        return torch.where(flipped, other, label)

    def configure_optimizers(self) -> list[Optimizer]:
        """The generator's and the discriminator's."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return [make(networks[name].parameters()) for name, make in self.make_optimizer.items()]
