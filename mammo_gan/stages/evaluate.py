"""evaluate: synthetic and real patches -> values."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from omegaconf import DictConfig

from mammo_gan.data.store import PatchStore
from mammo_gan.evaluation.image_quality import ImageQuality
from mammo_gan.stages.stage import Context, Stage, write_json
from mammo_gan.stages.synthesize import device
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.weights import vgg19_features

VALUES = "evaluation.json"
MOMENTS = "moments.csv"


class Evaluate(Stage):
    """Do synthetic patches look like real ones: five moments, the feature distance, the seam of the mask."""

    version: ClassVar[int] = 1

    def __init__(
        self, inputs: list[str], weights: DictConfig, evaluation: DictConfig, seed: int, unkeyed: DictConfig
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.weights, self.evaluation, self.seed = weights, evaluation, seed

    def run(self, folder: Path, context: Context) -> None:
        prepared, synthesised = (context.inputs[name] for name in self.inputs)
        network = vgg19_features(self.weights.vgg19, self.weights.sha256)
        quality = ImageQuality(
            network=network,
            held_out=tuple(self.evaluation.held_out),
            limit=self.evaluation.limit,
            band=self.evaluation.band,
            resamples=self.evaluation.resamples,
            batch_size=self.evaluation.batch_size,
            seed=self.seed,
            device=device(self.unkeyed.accelerator),
        )
        values = quality.compare(SyntheticSet(synthesised), PatchStore.open(prepared), folder, context.screen.progress)
        write_json(folder / VALUES, {"values": values, "weights": asdict(network.provenance)})
