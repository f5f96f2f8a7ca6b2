from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mammo_gan.metrics.feature_distance import FeatureDistance, PooledMaps
from mammo_gan.statistics.frechet import frechet_distance


class Moments(nn.Module):
    """Three features that can be written down: the image's mean, its maximum and its first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image: Tensor) -> Tensor:
        flat = image.flatten(1) * self.scale
        return torch.stack([flat.mean(1), flat.amax(1), flat[:, 0]], dim=1)


def images(count: int, seed: int) -> Tensor:
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed)) ** (1 + seed)


def test_agrees_with_the_distance_of_the_fitted_gaussians() -> None:
    metric, real, synthetic = FeatureDistance(Moments()), images(40, 0), images(25, 1)
    for part in torch.split(real, 16):
        metric.update(part, real=True)
    for part in torch.split(synthetic, 7):
        metric.update(part, real=False)
    f1, f2 = (Moments()(part).detach().double().numpy() for part in (real, synthetic))
    expected = frechet_distance(f1.mean(0), np.cov(f1.T), f2.mean(0), np.cov(f2.T))
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-9)
    assert metric.compute().dtype == torch.float64


def test_reset_forgets() -> None:
    metric = FeatureDistance(Moments())
    metric.update(images(5, 0), real=True)
    metric.update(images(5, 1), real=False)
    first = float(metric.compute())
    metric.reset()
    metric.update(images(5, 0), real=True)
    metric.update(images(5, 0), real=False)
    assert float(metric.compute()) == pytest.approx(0, abs=1e-12)
    assert first > 0.01


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_a_set_without_images_is_refused() -> None:
    metric = FeatureDistance(Moments())
    metric.update(images(5, 0), real=True)
    with pytest.raises(ValueError, match="a set has none"):
        metric.compute()


def test_the_extractor_is_frozen_and_in_eval_mode() -> None:
    extractor = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Dropout(0.9))
    metric = FeatureDistance(extractor)
    nn.ModuleList([metric]).train()
    assert not extractor.training
    assert not any(parameter.requires_grad for parameter in extractor.parameters())


def test_features_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"features \(B, D\)"):
        FeatureDistance(nn.Identity()).update(images(2, 0), real=True)


def test_pooled_maps_are_means_over_positions() -> None:
    class Maps(nn.Module):
        def forward(self, image: Tensor) -> list[Tensor]:
            return [image, image.expand(-1, 5, -1, -1) * torch.arange(5.0)[:, None, None]]

    image = images(3, 0)
    expected = image.mean((2, 3)) * torch.arange(5.0)
    torch.testing.assert_close(PooledMaps(Maps())(image), expected)
