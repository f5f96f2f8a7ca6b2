"""MammoGAN: whole mammograms, grown from 5x4 to 1280x1024 px (korkinof2019_mammogan, section 3; Karras et al. 2018).

Generator and critic begin at the coarsest resolution, and finer ones fade in as images are seen. The critic pulls the
mean scores of real and synthetic images apart under a gradient penalty, the generator raises its own. What made it
last: the critic also tells the images' attributes, which the generator is asked for; a lower learning rate; more steps
of the critic for each of the generator's as the networks grow; and wider networks (section 3, a to d).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol, cast

import numpy as np
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from mammo_gan.data.batches import AttributeValues, MammogramBatch
from mammo_gan.losses.auxiliary import attribute_losses
from mammo_gan.losses.term import LossTerm
from mammo_gan.losses.wasserstein import WassersteinLoss, gradient_penalty
from mammo_gan.methods.base import GanMethod, frozen
from mammo_gan.networks.mammogan import Critic, CriticOutput, Generator, faded
from mammo_gan.schedules.progressive import Progress, ProgressiveSchedule

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class Attributes(Protocol):
    """What images are told by; data.attributes.Attributes is such."""

    @property
    def heads(self) -> dict[str, int]:
        """Name -> outputs of the critic."""
        ...

    @property
    def width(self) -> int:
        """Numbers in an encoded vector."""
        ...

    def encoded(self, values: AttributeValues) -> Tensor:
        """(B, width) float32."""
        ...

    def by_name(self, values: AttributeValues) -> dict[str, Tensor]:
        """Name -> (B,), as the heads' losses take them."""
        ...

    def drawn(self, among: AttributeValues, count: int, source: torch.Generator) -> AttributeValues:
        """`count` rows of `among`."""
        ...


class Asked(NamedTuple):
    """What images are drawn from: z (B, latent) float32 of N(0, 1), and the attributes that they are asked for."""

    z: Tensor
    categories: Tensor
    numbers: Tensor


class Compared(NamedTuple):
    """Real images (B, 1, H, W) in [-1, 1] with their attributes, what synthetic ones beside them are drawn from, and
    where between the two the penalty looks: share (B,) in [0, 1)."""

    image: Tensor
    z: Tensor
    categories: Tensor
    numbers: Tensor
    share: Tensor


class MammoGAN(GanMethod):
    """Trains a generator and a critic that grow with the images seen.

    An iteration is a step of the critic; the generator's follows every n-th of a stage. Noise is a function of the seed
    and the images seen, and each process takes its rows of it. So several processes train as one does, within rounding,
    if the critic's `minibatch_group` divides each process's share of a batch, or they form smaller groups, and if the
    attributes are known: of those with gaps each process takes the mean over its own known ones. A batch in parts
    (`accumulate`) has the minibatch deviation and the mean of each part alone.

    Args:
        schedule: stage, alpha, batch, learning rate and n, of the images seen.
        attributes: of the images. They count if the generator has room for them, the critic heads or a projection.
        generator_optimizer, critic_optimizer: make an optimiser from parameters, its learning rate being a factor on
            the schedule's.
        penalty_weight, penalty_target, penalty_in_float32: see `gradient_penalty`.
        drift_weight: of the drift, on real images alone.
        attribute_weight: of each attribute's loss, for both networks.
        seed: of the noise.
        log_every, channels_last: see GanMethod.

    Raises:
        ValueError: networks, schedule and attributes don't fit together, or a weight is negative.
    """

    optimised_stage: Tensor

    def __init__(
        self,
        *,
        generator: Generator,
        critic: Critic,
        schedule: ProgressiveSchedule,
        attributes: Attributes,
        adversarial_loss: WassersteinLoss,
        generator_optimizer: MakeOptimizer,
        critic_optimizer: MakeOptimizer,
        penalty_weight: float = 10.0,
        penalty_target: float = 1.0,
        penalty_in_float32: bool = True,
        drift_weight: float = 0.001,
        attribute_weight: float = 1.0,
        seed: int = 0,
        log_every: int = 50,
        channels_last: bool = True,
    ) -> None:
        super().__init__(log_every=log_every, channels_last=channels_last)
        if min(penalty_weight, drift_weight, attribute_weight) < 0:
            raise ValueError(f"weights are 0 at least: {penalty_weight}, {drift_weight}, {attribute_weight}")
        _check_fit(generator, critic, schedule, attributes)
        self.generator, self.critic = generator, critic
        self.schedule, self.attributes, self.adversarial_loss = schedule, attributes, adversarial_loss
        self.make_optimizer = {"generator": generator_optimizer, "critic": critic_optimizer}
        self.penalty_weight, self.drift_weight, self.attribute_weight = penalty_weight, drift_weight, attribute_weight
        self.penalty = partial(gradient_penalty, target=penalty_target, in_float32=penalty_in_float32)
        self.seed = seed
        self.training_attributes: AttributeValues | None = None  # of the training set, for `sample`
        self.register_counter("optimised_stage")  # that the optimisers' moments belong to

    def setup(self, stage: str) -> None:
        super().setup(stage)
        datamodule = getattr(self.trainer, "datamodule", None)
        self.training_attributes = getattr(datamodule, "attribute_values", self.training_attributes)

    @property
    def progress(self) -> Progress:
        """Of the next batch."""
        return self.schedule.progress(int(self.images_seen))

    @property
    def phase_name(self) -> str:
        now = self.progress
        height, width = self.size_of(now.stage)
        return f"{height}x{width} {now.phase}"

    @property
    def logs_later(self) -> set[str]:
        """The generator's losses aren't in every row."""
        return {f"generator/{name}" for name in ("adversarial", *self.critic.heads)}

    def size_of(self, stage: int) -> tuple[int, int]:
        """Height and width in px of a stage's images."""
        height, width = self.generator.base
        return height << stage, width << stage

    def forward(self, z: Tensor, values: AttributeValues | None) -> Tensor:
        """Draw images of the present stage: z (B, latent) of N(0, 1), and if the generator is conditional what is asked
        for, to (B, 1, H, W) float32, about -1 to 1."""
        now = self.progress
        given = None if values is None or not self.generator.attributes else self.attributes.encoded(values)
        image: Tensor = self.generator(z, given, stage=now.stage, alpha=now.alpha)
        return image.float()

    @torch.no_grad()
    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """(count, 1, H, W) float32 in [0, 1] of the present stage, of attributes as they go together in the training
        set; `source` is a generator of the CPU."""
        z = torch.randn(count, self.generator.latent, generator=source).to(self.device)
        image: Tensor = self(z, self._drawn(count, source))
        return ((image + 1) / 2).clamp(0, 1)

    def critic_terms(self, batch: Compared) -> dict[str, LossTerm]:
        """The critic tells real images from synthetic ones, and what both show, under a penalty on its slope."""
        values = AttributeValues(batch.categories, batch.numbers)
        real = faded(batch.image, self.progress.alpha)
        with torch.no_grad():
            synthetic = self(batch.z, values)
        # In two passes, for the minibatch deviation compares images of one kind.
        on_real, on_synthetic = self._judged(real, values), self._judged(synthetic, values)
        loss = self.adversarial_loss
        penalty = self.penalty(lambda image: self._judged(image, values).score, real, synthetic, share=batch.share)
        return {
            "critic/adversarial": LossTerm(loss.critic(on_real.score, on_synthetic.score), 1.0),
            "critic/drift": LossTerm(loss.drift(on_real.score), self.drift_weight),
            "critic/penalty": LossTerm(penalty, self.penalty_weight),
            **self._attribute_terms("critic/real_", on_real, values),
            **self._attribute_terms("critic/synthetic_", on_synthetic, values),
        }

    def generator_terms(self, batch: Asked) -> dict[str, LossTerm]:
        """The generator deceives, and draws what it is asked for."""
        values = AttributeValues(batch.categories, batch.numbers)
        output = self._judged(self(batch.z, values), values)
        return {
            "generator/adversarial": LossTerm(self.adversarial_loss.generator(output.score), 1.0),
            **self._attribute_terms("generator/", output, values),
        }

    def training_step(self, batch: MammogramBatch, batch_idx: int) -> None:
        now, seen, count = self.progress, int(self.images_seen), len(batch.image)
        if batch.image.shape[2:] != self.size_of(now.stage) or count * self.trainer.world_size != now.batch_size:
            raise ValueError(f"after {seen} images the schedule has {now}, and the batch is {tuple(batch.image.shape)}")
        generator, critic = cast(list[LightningOptimizer], self.optimizers())
        z, share = self._noise("critic", now.batch_size)
        # Assumption: the paper doesn't say which attributes synthetic images are asked for. In both networks' steps it
        # is those of the batch's real ones, row by row: they go together as in the training set, and nothing but how
        # it is drawn tells a synthetic image from a real one.
        values = batch.categories, batch.numbers
        self.update(critic, self.critic_terms, Compared(batch.image, z, *values, share), now.learning_rate)
        if self.schedule.generator_due(seen):
            z, _ = self._noise("generator", now.batch_size)
            with frozen(self.critic):  # also while gradients flow back: a checkpointed layer is computed again then
                self.update(generator, self.generator_terms, Asked(z, *values), now.learning_rate)
        self.end_iteration(count)

    def configure_optimizers(self) -> list[Optimizer]:
        """The generator's and the critic's."""
        networks = {"generator": self.generator, "critic": self.critic}
        return [make(networks[name].parameters()) for name, make in self.make_optimizer.items()]

    def _drawn(self, count: int, source: torch.Generator) -> AttributeValues | None:
        if not self.generator.attributes:
            return None
        if self.training_attributes is None:
            raise RuntimeError("attributes are drawn from a training set's, and the method has no training_attributes")
        drawn = self.attributes.drawn(self.training_attributes, count, source)
        return AttributeValues(*(field.to(self.device) for field in drawn))

    def _judged(self, image: Tensor, values: AttributeValues) -> CriticOutput:
        now = self.progress
        given = None if self.critic.projection is None else self.attributes.encoded(values)
        output: CriticOutput = self.critic(image, given, stage=now.stage, alpha=now.alpha)
        return output

    def _attribute_terms(self, prefix: str, output: CriticOutput, values: AttributeValues) -> dict[str, LossTerm]:
        """Each attribute's loss; none where the critic has no heads."""
        if not output.heads:
            return {}
        losses = attribute_losses(output.heads, self.attributes.by_name(values))
        return {prefix + name: LossTerm(loss, self.attribute_weight) for name, loss in losses.items()}

    def _noise(self, network: str, count: int) -> tuple[Tensor, Tensor]:
        """This process's rows of z (B, latent) of N(0, 1) and of a share (B,) in [0, 1), for the next batch."""
        words = np.random.SeedSequence([self.seed, int(self.images_seen), list(self.make_optimizer).index(network)])
        source = torch.Generator(self.device).manual_seed(int(words.generate_state(1, np.uint64)[0] >> 1))
        z = torch.randn(count, self.generator.latent, generator=source, device=self.device)
        share = torch.rand(count, generator=source, device=self.device)
        own = slice(self.trainer.global_rank, None, self.trainer.world_size)  # as data.sampler.StagedPermutation deals
        return z[own], share[own]


def _check_fit(generator: Generator, critic: Critic, schedule: ProgressiveSchedule, attributes: Attributes) -> None:
    projected = 0 if critic.projection is None else critic.projection.weight.shape[0]
    if (generator.base, generator.stages) != (critic.base, critic.stages) or generator.stages != schedule.stages:
        raise ValueError(
            "generator, critic and schedule are of one base and as many stages: got "
            f"{generator.base} and {critic.base} px, {generator.stages}, {critic.stages} and {schedule.stages} stages"
        )
    if generator.attributes not in (0, attributes.width) or projected not in (0, attributes.width):
        raise ValueError(
            f"encoded attributes are {attributes.width} numbers: the generator takes as many or none, and so does the "
            f"critic's projection; got {generator.attributes} and {projected}"
        )
    if critic.heads not in ({}, attributes.heads):
        raise ValueError(f"the critic's heads are {attributes.heads} or none, not {critic.heads}")
    if (critic.heads or projected) and attributes.width > generator.attributes:
        raise ValueError("the critic judges images by attributes that the generator isn't asked for")
