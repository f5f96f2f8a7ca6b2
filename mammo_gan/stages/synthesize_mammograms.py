"""synthesize, of whole mammograms: a trained generator -> synthetic mammograms, written as records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.data.attributes import Attributes
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.stages.generators import load_trained
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage, plain
from mammo_gan.stages.synthesize import TRAINED_ON, device
from mammo_gan.synthesis.mammograms import attributes_to_ask, draw_mammograms
from mammo_gan.synthesis.writing_mammograms import write_mammograms


class SynthesizeMammograms(Stage):
    """Mammograms from noise, by the best, the averaged or the last generator of a training, at its finest stage.

    Args:
        attributes: the schema that the generator was trained with; unused where it takes none.
        synthesis: `images`, of which `generator`, in batches of `batch_size`; `attributes` that are asked for, null =
            as they go together in the training split.

    Raises:
        UserError: an attribute or its value is none that the generator knows, or no image is asked for.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        inputs: list[str],
        generator: DictConfig,
        attributes: DictConfig,
        synthesis: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.generator, self.synthesis, self.seed = generator, plain(synthesis), seed
        conditional = generator.get("attributes", 0) > 0  # or nothing can be asked for
        self.attributes: Attributes = instantiate(attributes, _convert_="all") if conditional else Attributes({}, ())
        self.asked = self.synthesis["attributes"] or {}
        if self.synthesis["images"] < 1:
            raise UserError(f"synthesis.images={self.synthesis['images']}: expected one image or more")
        try:
            self.attributes.asked(1, **self.asked)
        except UserError as error:
            raise UserError(f"synthesis.attributes: {error}") from error

    def run(self, folder: Path, context: Context) -> None:
        prepared, trained = (context.inputs[name] for name in self.inputs)
        chosen = load_trained(self.generator, trained, self.synthesis["generator"])
        store = ImageStore.open(prepared)
        training = self.attributes.of_store(store, store.indices(TRAINED_ON))
        values = attributes_to_ask(self.attributes, training, self.asked, self.synthesis["images"], self.seed)
        drawn = draw_mammograms(
            chosen.network,
            self.attributes,
            values,
            batch_size=self.synthesis["batch_size"],
            seed=self.seed,
            device=device(self.unkeyed.accelerator),
            progress=context.screen.progress,
        )
        write_mammograms(
            folder,
            drawn,
            tuple(self.attributes.heads),
            archive=json.loads((prepared / PREPARATION).read_text(encoding="utf-8"))["archive"],
            generator=chosen.sha256,
            trained_on=TRAINED_ON,
        )
