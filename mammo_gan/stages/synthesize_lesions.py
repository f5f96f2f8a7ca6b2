"""synthesize, from noise: a trained generator -> synthetic patches, written as records."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig

from mammo_gan.errors import UserError
from mammo_gan.stages.generators import load_trained
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.synthesize import TRAINED_ON, device
from mammo_gan.synthesis.sampling import sample
from mammo_gan.synthesis.writing_samples import write_samples


class SynthesizeLesions(Stage):
    """Patches of lesions from noise, by the best, the averaged or the last generator of a training.

    Args:
        synthesis: `images`, of which `generator`, in batches of `batch_size`.
        kinds: of the lesions that it was trained on.
        share: of an experiment that adds them to `real` patches, of each class: `per_real` synthetic ones to each
            (alyafi2019_dcgan, 4.6). So many are drawn where synthesis.images is null, and no fewer in any case.

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
        seed: int,
        unkeyed: DictConfig,
        share: DictConfig | None = None,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.generator, self.synthesis, self.kinds, self.seed = generator, plain(synthesis), kinds, seed
        if share is not None:
            self.synthesis["images"] = _images(synthesis.images, share, generator.classes)

    def run(self, folder: Path, context: Context) -> None:
        prepared, trained = (context.inputs[name] for name in self.inputs)
        chosen = load_trained(self.generator, trained, self.synthesis["generator"])
        drawn = sample(
            chosen.network,
            self.synthesis["images"],
            batch_size=self.synthesis["batch_size"],
            seed=self.seed,
            device=device(self.unkeyed.accelerator),
            progress=context.screen.progress,
        )
        write_samples(
            folder,
            drawn,
            archive=json.loads((prepared / PREPARATION).read_text(encoding="utf-8"))["archive"],
            generator=chosen.sha256,
            trained_on=TRAINED_ON,
            kinds=self.kinds,  # type: ignore[arg-type]
        )


def _images(asked: int | None, share: DictConfig, classes: int) -> int:
    wanted = max(classes, 1) * math.floor(share.per_real * share.real + 1e-9)
    if asked is not None and asked < wanted:
        raise UserError(
            f"synthesis.images={asked}: {share.per_real:g} synthetic patches for each real one are {wanted}; set it to "
            "that or more, or to null"
        )
    return wanted if asked is None else asked
