"""What a generator is measured by over its training, and the value by which its best state is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl

from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.metric_of_stage import MetricOfStage
from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.data.mammograms import MammogramData, size_of
from mammo_gan.metrics.feature_distance import FeatureDistance
from mammo_gan.metrics.names import fid_name
from mammo_gan.metrics.sliced_wasserstein import MeanSlicedWasserstein, swd_name
from mammo_gan.networks.inception import InceptionFid
from mammo_gan.statistics.sliced_wasserstein import SMALLEST
from mammo_gan.weights import inception_weights


@dataclass(frozen=True)
class Judged:
    """The callbacks that measure, and what tells the best state; None = nothing does."""

    metrics: Sequence[MetricOverTraining]
    best: Best | None

    @property
    def by_average(self) -> bool:
        """Whether the best state is the averaged generator's, for it is the one that was measured."""
        averages = {f"{metric.name}_average" for metric in self.metrics}
        return self.best is not None and self.best.metric.removesuffix("_mean") in averages


def judged(
    metric: Mapping[str, Any] | None,
    best: Mapping[str, Any] | None,
    data: pl.LightningDataModule,
    seed: int,
    average: GeneratorAverage,
    of_average: bool,
) -> Judged:
    """How a training on `data` is judged.

    Args:
        metric: settings of `distance`, or of `growing_distances` for a GAN that grows; None = nothing is measured.
        best: names another value than the metric's, and whether less of it is better.
        average: of the generator; a GAN that grows is always measured by it too, another one if `of_average`.
    """
    metrics: list[MetricOverTraining] = []
    if metric is not None and isinstance(data, MammogramData):
        metrics.extend(growing_distances(metric, data, seed, average))
    elif metric is not None:
        metrics.append(distance(metric, data, seed, average if of_average else None))
    if best is not None:
        return Judged(metrics, Best(**best))
    # Assumption: the paper selects "the best network checkpoint" (korkinof2019_mammogan, 3); as in the original it is
    # the averaged generator that is measured and drawn from.
    return Judged(metrics, Best(metrics[-1].judged_by, "min") if metrics else None)


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
