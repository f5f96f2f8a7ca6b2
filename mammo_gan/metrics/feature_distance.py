"""The Fréchet distance between features of real and of synthetic images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mammo_gan.metrics.feature_sets import FeatureSets
from mammo_gan.statistics.frechet import frechet_distance_of_features


class PooledMaps(nn.Module):
    """The last feature map of a network, averaged over its positions: (B, C).

    For VGG-19 up to pool3 that is C = 256, whatever the size of the image.

    Args:
        network: image (B, 1, H, W) in [0, 1] -> maps, the last of shape (B, C, h, w).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.network(image)[-1].mean(dim=(-2, -1))
        return features


class FeatureDistance(FeatureSets):
    """Fréchet distance of two sets of features, as FID with an extractor of one's own.

    A result's name must say which extractor it is from: distances of different features don't compare. `fid_name` has
    the names of those of Inception.
    """

    def compute(self) -> Tensor:
        """Scalar float64.

        Raises:
            ValueError: with fewer than two images in either set.
        """
        return torch.tensor(frechet_distance_of_features(*self.gathered()), dtype=torch.float64)
