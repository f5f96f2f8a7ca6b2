"""synthesize, from noise: a trained generator -> synthetic patches, written as records."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig
from safetensors.torch import load_file
from torch import nn

from mammo_gan.errors import UserError
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.synthesize import TRAINED_ON, device
from mammo_gan.stages.training.trained import GENERATOR, GENERATOR_AVERAGE, GENERATOR_BEST
from mammo_gan.synthesis.sampling import sample
from mammo_gan.synthesis.writing_samples import write_samples

WEIGHTS = {"best": GENERATOR_BEST, "average": GENERATOR_AVERAGE, "last": GENERATOR}


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
        weights = trained / WEIGHTS[self.synthesis["generator"]]
        if not weights.is_file():
            raise UserError(
                f"synthesis.generator=best: expected {weights}, found none: the training measured nothing to choose it "
                "by (training.metric.every, callbacks.best). Choose synthesis.generator=average or last"
            )
        model: nn.Module = instantiate(self.generator, _convert_="all")
        model.load_state_dict(load_file(weights))
        drawn = sample(
            model,
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
            generator=hashlib.sha256(weights.read_bytes()).hexdigest(),
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
