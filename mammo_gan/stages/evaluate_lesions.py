"""evaluate, for patches drawn from noise: synthetic and real patches -> values."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_patches import lesion_indices
from mammo_gan.data.lesions import LesionData
from mammo_gan.evaluation.feature_space import NORMAL, FeatureSpace
from mammo_gan.evaluation.lesion_quality import REAL, SYNTHETIC, LesionQuality
from mammo_gan.evaluation.realism import write_sample
from mammo_gan.metrics.names import fid_name
from mammo_gan.networks.inception import InceptionFid
from mammo_gan.stages.evaluate import VALUES
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.synthesize import device
from mammo_gan.stages.training.trained import device_name
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.weights import inception_weights

SAMPLE = "sample"
SHOWN = "shown"  # in VALUES: what the report calls its pictures


class Patches:
    """Patches of a set, (H, W) float32 in [0, 1], loaded as they are asked for."""

    def __init__(self, count: int, load: Callable[[int], NDArray[np.float32]]) -> None:
        self.count, self.load = count, load

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> NDArray[np.float32]:
        return self.load(number)


class EvaluateLesions(Stage):
    """Do synthetic lesions look like real ones: FID and KID, the checkerboard, and where they lie among one another.

    Args:
        data: the training's data module; its training set are the real patches where evaluation.split=train.
    """

    version: ClassVar[int] = 2

    def __init__(
        self,
        inputs: list[str],
        data: DictConfig,
        weights: DictConfig,
        evaluation: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.data, self.weights, self.evaluation, self.seed = data, weights, evaluation, seed
        space = plain(evaluation.feature_space)
        figure, self.title = space.pop("figure", None), space.pop("title", " and ".join(space["counts"]))
        self.figures = {**plain(evaluation.figures), "feature_space": figure}
        self.space = FeatureSpace(**space, seed=seed)  # a fault in it is told before any archive is read

    def run(self, folder: Path, context: Context) -> None:
        store = ImageStore.open(context.inputs[self.inputs[0]])
        made, described = self.synthetic(store, context)
        indices, place = self._real(store), device(self.unkeyed.accelerator)
        owners: list[str] = store.column("patient_key")[indices].tolist()
        groups = {
            REAL: _stored(store, indices),
            SYNTHETIC: made,
            NORMAL: _stored(store, _normal(store)),
        }
        weights = inception_weights(self.weights.inception, self.weights.inception_sha256)
        quality = LesionQuality(
            network=InceptionFid(weights.tensors).eval(),
            fid_name=partial(fid_name, provenance=weights.provenance),
            periods=self.evaluation.periods,
            limit=self.evaluation.limit,
            batch_size=self.evaluation.batch_size,
            seed=self.seed,
            device=place,
        )
        values = quality.compare(groups[SYNTHETIC], groups[REAL], owners, context.screen.progress)
        logging.getLogger("openTSNE").setLevel(logging.WARNING)  # it tells of settings that are meant so
        values += replace(self.space, jobs=context.jobs).compare(groups, folder, {REAL: owners})
        write_sample(groups, self.evaluation.sample, folder / SAMPLE, self.seed)
        shown = {"patches": self.evaluation.sample, "figures": self.figures, "title": self.title}
        found = {"values": values, "weights": asdict(weights.provenance), SHOWN: shown, **described}
        found |= {"patches": {name: len(group) for name, group in groups.items()}, "device": device_name(place)}
        write_json(folder / VALUES, found)

    def synthetic(self, store: ImageStore, context: Context) -> tuple[Patches, dict[str, Any]]:
        """The patches that are judged, and what is to be said of them beside the values."""
        made = SyntheticSet(context.inputs[self.inputs[1]])
        return Patches(len(made), made.image), {}

    def _real(self, store: ImageStore) -> NDArray[np.intp]:
        data: LesionData = instantiate(self.data, _convert_="all")(store, batch_size=1, seed=self.seed)
        if self.evaluation.split == "train":
            return data.training_indices
        return lesion_indices(store, self.evaluation.split, data.kinds)


def _stored(store: ImageStore, indices: NDArray[np.intp]) -> Patches:
    return Patches(len(indices), lambda k: store.floats([int(indices[k])], store.sizes[0])[0])


def _normal(store: ImageStore) -> NDArray[np.intp]:
    shown: NDArray[Any] = store.column("lesions")
    return np.flatnonzero([len(lesions) == 0 for lesions in shown])
