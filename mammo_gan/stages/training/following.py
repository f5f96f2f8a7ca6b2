"""What a training is watched by: pictures of the same inputs, and a distance to the real images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import pytorch_lightning as pl
from torch import Tensor

from mammo_gan.archives.records import SplitName
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.growing_grid import GrowingGrid
from mammo_gan.callbacks.infill_grid import InfillGrid
from mammo_gan.callbacks.lesion_grid import LesionGrid
from mammo_gan.callbacks.metric_of_stage import MetricOfStage
from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.callbacks.sample_grid import Grid
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.mammograms import MammogramData, size_of
from mammo_gan.metrics.feature_distance import FeatureDistance
from mammo_gan.metrics.names import fid_name
from mammo_gan.metrics.sliced_wasserstein import MeanSlicedWasserstein, swd_name
from mammo_gan.networks.inception import InceptionFid
from mammo_gan.statistics.sliced_wasserstein import SMALLEST
from mammo_gan.weights import inception_weights


class Reals(Protocol):
    """Data of whole images to draw; LesionData is such."""

    def reals(self, split: SplitName, batch_size: int) -> Iterable[Tensor]:
        """All images of a split, (B, 1, H, W) float32 in [0, 1]."""
        ...

    def fixed_images(self, split: SplitName, count: int, seed: int) -> Tensor:
        """Up to `count` images, (N, 1, H, W) float32 in [0, 1]; the same for the same seed."""
        ...


def grid(data: InfillData | MammogramData | Reals, count: int, seed: int) -> Grid:
    """What suits the data: patches infilled, or `count` patches or whole images drawn beside real ones."""
    if isinstance(data, MammogramData):
        return GrowingGrid(partial(data.fixed_images, "train", count, seed), seed)
    if not isinstance(data, InfillData):
        return LesionGrid(data.fixed_images("train", count, seed), seed)
    # A small archive may have nothing to infill in its validation split.
    shown: SplitName = "val" if data.store.has_lesion[data.store.indices("val")].any() else "train"
    return InfillGrid(data.fixed_batch(shown, count, seed))


def distance(
    settings: Mapping[str, Any], data: pl.LightningDataModule, seed: int, average: GeneratorAverage | None
) -> MetricOverTraining:
    """The FID of the training split's images, by the name that its weights allow (alyafi2019_dcgan, 4.4.1, Figure 8).

    Args:
        settings: `every` so many epochs, with so many `samples` in batches of `batch_size`, over the features of
            `inception`, whose file has `inception_sha256`.
        average: of the generator, to be measured too; None = it isn't.
    """
    weights = inception_weights(settings["inception"], settings["inception_sha256"])
    return MetricOverTraining(
        FeatureDistance(InceptionFid(weights.tensors)),
        fid_name(weights.depth, weights.provenance),
        data.reals("train", settings["batch_size"]),  # type: ignore[attr-defined]
        every=settings["every"],
        samples=settings["samples"],
        batch_size=settings["batch_size"],
        seed=seed,
        average=average,
    )


def growing_distances(
    settings: Mapping[str, Any], data: MammogramData, seed: int, average: GeneratorAverage
) -> list[MetricOfStage]:
    """The sliced Wasserstein distance to real images at each stage that is large enough for it, coarsest first, by the
    name that the number of images allows and the size, as swd_1280x1024 (korkinof2019_mammogan, 3).

    Args:
        settings: `every` so many images seen, with so many synthetic `samples` in batches of `batch_size`, against as
            many real ones of `split`, or all that there are.
        average: also measured, under NAME_average.
    """
    count = min(settings["samples"], data.images(settings["split"]))
    measured = []
    for stage in range(data.schedule.stages):
        height, width = size_of(data.store, stage)
        if height < SMALLEST:
            continue
        metric = MetricOfStage(
            MeanSlicedWasserstein(count, seed),
            f"{swd_name(count)}_{height}x{width}",
            data.reals(settings["split"], settings["batch_size"], (height, width), count, seed),
            every=settings["every"],
            samples=settings["samples"],
            batch_size=settings["batch_size"],
            seed=seed,
            average=average,
            stage=stage,
        )
        measured.append(metric)
    return measured
