"""What the metrics over two sets of features have in common, each against the function below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from mammo_gan.metrics.feature_distance import FeatureDistance
from mammo_gan.metrics.feature_overlap import FeatureOverlap
from mammo_gan.metrics.feature_sets import FeatureSets
from mammo_gan.metrics.kernel_distance import FeatureKernelDistance
from mammo_gan.metrics.names import fid_name
from mammo_gan.statistics.kernel import kernel_distance
from mammo_gan.statistics.manifolds import overlap
from mammo_gan.weights import Provenance


class Counted(nn.Module):
    """Flattened images; counts its calls."""

    calls = 0

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        return image.flatten(1)


def images(count: int, seed: int) -> Tensor:
    return torch.rand(count, 1, 3, 3, generator=torch.Generator().manual_seed(seed)) ** (1 + seed)


def filled(metric: Any) -> Any:
    for part in torch.split(images(40, 0), 16):
        metric.update(part, real=True)
    for part in torch.split(images(30, 1), 7):
        metric.update(part, real=False)
    return metric


def features() -> tuple[np.ndarray, np.ndarray]:
    return images(40, 0).flatten(1).double().numpy(), images(30, 1).flatten(1).double().numpy()


def test_kernel_distance_is_that_of_all_features_and_repeats() -> None:
    metric = filled(FeatureKernelDistance(Counted(), subsets=5, subset_size=20, seed=3))
    mean, deviation = kernel_distance(*features(), np.random.default_rng(3), 5, 20)
    for _ in range(2):
        metric._computed = None
        found = metric.compute()
        assert (float(found["mean"]), float(found["deviation"])) == (mean, deviation)
    whole = FeatureKernelDistance(Counted())
    whole.update(images(9, 0), real=True)
    whole.update(images(9, 1), real=False)
    assert torch.isnan(whole.compute()["deviation"])


def test_overlap_is_that_of_all_features() -> None:
    found = filled(FeatureOverlap(Counted(), neighbours=5)).compute()
    expected = overlap(*features(), neighbours=5)._asdict()
    assert {name: float(value) for name, value in found.items()} == expected
    assert 0 < expected["precision"] < 1


def test_metrics_of_one_extractor_run_it_once_an_update() -> None:
    extractor = Counted()
    parts: dict[str, Any] = {
        "frechet": FeatureDistance(extractor),
        "kernel": FeatureKernelDistance(extractor),
        "overlap": FeatureOverlap(extractor),
    }
    together = MetricCollection(parts)
    together.update(images(8, 0), real=True)  # each by itself, until they are found to keep the same
    extractor.calls = 0
    together.update(images(8, 1), real=False)
    assert extractor.calls == 1
    alone = FeatureDistance(Counted())
    alone.update(images(8, 0), real=True)
    alone.update(images(8, 1), real=False)
    assert together.compute()["frechet"] == alone.compute()


@pytest.mark.parametrize("build", [FeatureDistance, FeatureKernelDistance, FeatureOverlap])
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_too_few_images_are_refused(build: type[FeatureSets]) -> None:
    metric = build(Counted())
    with pytest.raises(ValueError, match="a set has none"):
        metric.compute()
    metric.update(images(1, 0), real=True)
    metric.update(images(5, 1), real=False)
    with pytest.raises(ValueError, match=r"got 1 and 5"):
        metric.compute()


@pytest.mark.parametrize(
    ("depth", "random", "name"),
    [
        (2048, False, "fid"),
        (768, False, "fid_768"),
        (64, False, "fid_64"),
        (768, True, "fid_random_features_768"),
        (2048, True, "fid_random_features_2048"),
    ],
)
def test_only_the_whole_published_network_gives_a_fid(depth: int, random: bool, name: str) -> None:
    assert fid_name(depth, Provenance("x", None, random)) == name
