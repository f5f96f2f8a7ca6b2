"""How far a progressive GAN has grown: a function of the images seen (korkinof2019_mammogan, section 3; Karras et al.
2018, "Progressive growing of GANs", section 2 and appendix A.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple


class Progress(NamedTuple):
    """What a batch is trained with.

    stage: of the resolution, from 0, the coarsest
    alpha: the share of the stage's own layers, in [0, 1]; the rest is the upscaled image of the stage before
    batch_size: images of all processes together
    learning_rate: of both networks
    critic_iterations: the critic's steps for each of the generator's
    phase: fading while alpha is below 1
    """

    stage: int
    alpha: float
    batch_size: int
    learning_rate: float
    critic_iterations: int
    phase: Literal["fading", "stable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressiveSchedule:
    """The first stage is stable from the start; each later one fades in and is stable then; the last never ends.

    Images are counted at the critic's steps, so that more of them for each step of the generator leave it fewer. A
    batch belongs as a whole to where its first image falls, and the next stage may begin up to a batch late.

    Args:
        stable: images of each stage with alpha = 1, but of the last at least.
        fading: images over which alpha grows from 0 to 1, linearly; 0 = stages begin with alpha = 1.
        batch_sizes: one a stage, coarsest first: their number is that of the stages.
        learning_rate: one for all stages, or one a stage.
        critic_iterations: of the first and of the last stage.

    Raises:
        ValueError: a setting is impossible, the numbers of stages differ, or a batch could jump over a stage.
    """

    stable: int
    fading: int
    batch_sizes: Sequence[int]
    learning_rate: float | Sequence[float]
    critic_iterations: Sequence[int]

    def __post_init__(self) -> None:
        if not self.batch_sizes:
            raise ValueError("batch_sizes has one number a stage, and no stage was given")
        for number in chain((self.stable, self.fading), self.batch_sizes, self.critic_iterations):
            if not isinstance(number, int):
                raise ValueError(f"images, batch sizes and iterations are whole numbers, not {number}")
        if self.stable < 1 or self.fading < 0 or min(self.batch_sizes) < 1:
            raise ValueError(
                "stable and each batch are 1 image at least and fading 0; "
                f"got {self.stable}, {list(self.batch_sizes)} and {self.fading}"
            )
        if self.stages > 1 and max(self.batch_sizes) > self.stable + self.fading:
            raise ValueError(
                f"a batch of {max(self.batch_sizes)} images could jump over a stage of {self.stable} stable and "
                f"{self.fading} fading ones: expected longer stages or smaller batches"
            )
        rates = self._learning_rates()
        if len(rates) != self.stages or min(rates) <= 0:
            raise ValueError(
                f"learning_rate is a number above 0, or one for each of {self.stages} stages; got {self.learning_rate}"
            )
        if len(self.critic_iterations) != 2 or not 1 <= self.critic_iterations[0] <= self.critic_iterations[1]:
            raise ValueError(
                "critic_iterations is two numbers, the first stage's, 1 at least, and the last's, no smaller; "
                f"got {list(self.critic_iterations)}"
            )

    @property
    def stages(self) -> int:
        """From the coarsest to the finest resolution."""
        return len(self.batch_sizes)

    def begins(self, stage: int) -> int:
        """Images seen when `stage` begins, with alpha = 0 if it fades."""
        if not 0 <= stage < self.stages:
            raise ValueError(f"stages are 0 to {self.stages - 1}, not {stage}")
        return self.stable + (stage - 1) * (self.fading + self.stable) if stage else 0

    def entered(self, stage: int) -> int:
        """Images seen when the first batch of `stage` begins: `begins`, which the batch before may reach beyond."""
        seen = 0
        for before, size in enumerate(self.batch_sizes[:stage]):
            seen += size * -(-(self.begins(before + 1) - seen) // size)
        return seen

    def grown(self) -> int:
        """Images seen when the last stage has faded in."""
        return self.begins(self.stages - 1) + (self.fading if self.stages > 1 else 0)

    def iterations(self, images: int) -> int:
        """Batches, from the first on, that hold `images` at least: steps of the critic."""
        batches = 0
        for stage, size in enumerate(self.batch_sizes):
            start = self.entered(stage)
            end = images if stage == self.stages - 1 else min(images, self.entered(stage + 1))
            batches += max(-(-(end - start) // size), 0)
        return batches

    def generator_due(self, images_seen: int) -> bool:
        """Whether the generator has a step after the critic's on the batch whose first image has `images_seen` before
        it: after each n-th of a stage, n being the stage's critic_iterations."""
        now = self.progress(images_seen)
        steps = (images_seen - self.entered(now.stage)) // now.batch_size + 1
        return steps % now.critic_iterations == 0

    def progress(self, images_seen: int) -> Progress:
        """Of the batch whose first image has `images_seen` before it."""
        if images_seen < 0:
            raise ValueError(f"images seen are 0 at least, not {images_seen}")
        doublings = (images_seen + self.fading) // (self.fading + self.stable)  # as if the first stage faded before 0
        stage = min(doublings, self.stages - 1)
        since = images_seen - self.begins(stage)
        fades = stage > 0 and since < self.fading
        return Progress(
            stage=stage,
            alpha=since / self.fading if fades else 1.0,
            batch_size=self.batch_sizes[stage],
            learning_rate=self._learning_rates()[stage],
            critic_iterations=self._critic_iterations(stage),
            phase="fading" if fades else "stable",
        )

    def _learning_rates(self) -> Sequence[float]:
        if isinstance(self.learning_rate, int | float):
            return [self.learning_rate] * self.stages
        return self.learning_rate

    def _critic_iterations(self, stage: int) -> int:
        # Assumption: the paper raises them "gradually" from 1 to "a maximum of 5" (section 3) without a schedule: we
        # raise them linearly over the stages, to the nearest whole number, halves up.
        first, last = self.critic_iterations
        climbs = max(self.stages - 1, 1)
        return first + (2 * (last - first) * stage + climbs) // (2 * climbs)


def total_images(training_images: int, *, epochs: int, more: int) -> int:
    """Images that a training sees: whole epochs, and `more` after them (33 and 5 million in the paper's section 3).

    Raises:
        ValueError: there are none to train on, or a length is negative.
    """
    if training_images < 1 or epochs < 0 or more < 0:
        raise ValueError(
            f"expected a training image at least and no negative length, got {training_images} images, "
            f"{epochs} epochs and {more} more"
        )
    return epochs * training_images + more
