"""synthesize, for a classifier's training set: as many synthetic patches as its real ones ask for."""

from __future__ import annotations

import math
from typing import ClassVar

from omegaconf import DictConfig, OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.stages.synthesize_lesions import SynthesizeLesions


class SynthesizeShare(SynthesizeLesions):
    """As `SynthesizeLesions`, with a number of patches that goes with the number of real ones (alyafi2019_dcgan, 4.6).

    Args:
        synthesis: as there; `images` may be null: `per_real` patches a real one, of each class if there are classes.
        real: k of the training set, of each class.

    Raises:
        UserError: synthesis.images asks for fewer.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        inputs: list[str],
        generator: DictConfig,
        synthesis: DictConfig,
        kinds: list[str],
        real: int,
        per_real: float,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        wanted = max(generator.classes, 1) * math.floor(per_real * real + 1e-9)
        images = wanted if synthesis.images is None else synthesis.images
        if images < wanted:
            raise UserError(
                f"synthesis.images={images}: {per_real:g} synthetic patches for each real one are {wanted}; set it to "
                "that or more, or to null"
            )
        counted = OmegaConf.create({**synthesis, "images": images})
        super().__init__(inputs, generator, counted, kinds, seed, unkeyed)
