"""The Fréchet distance between features of real and of synthetic images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

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


class FeatureDistance(Metric):
    """Fréchet distance of two sets of features, as FID with an extractor of one's own.

    A result's name must say which extractor it is from: distances of different features don't compare. The features
    are kept, D values per image, and gathered over processes.

    Args:
        extractor: image (B, 1, H, W) float32 in [0, 1] -> features (B, D). Run in eval mode without gradients.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    real: list[Tensor]
    synthetic: list[Tensor]

    def __init__(self, extractor: nn.Module, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extractor = extractor.eval().requires_grad_(False)
        self.add_state("real", default=[], dist_reduce_fx="cat")
        self.add_state("synthetic", default=[], dist_reduce_fx="cat")

    def train(self, mode: bool = True) -> FeatureDistance:
        """The extractor stays in eval mode when a module that holds the metric is put to training."""
        super().train(mode)
        self.extractor.eval()
        return self

    @torch.no_grad()
    def update(self, image: Tensor, real: bool) -> None:
        """Add images (B, 1, H, W) float32 in [0, 1] to the real or to the synthetic set."""
        features = self.extractor(image)
        if features.ndim != 2 or len(features) != len(image):
            raise ValueError(
                f"the extractor gives features (B, D) for {len(image)} images; got {tuple(features.shape)}"
            )
        (self.real if real else self.synthetic).append(features.double().cpu())

    def compute(self) -> Tensor:
        """Scalar float64.

        Raises:
            ValueError: with fewer than two images in either set.
        """
        sets = self.real, self.synthetic
        if not all(len(features) for features in sets):
            raise ValueError("a distance needs at least two real and two synthetic images; a set has none")
        # Joined over processes, a list has become one tensor.
        real, synthetic = (torch.cat(features) if isinstance(features, list) else features for features in sets)
        distance = frechet_distance_of_features(real.numpy(force=True), synthetic.numpy(force=True))
        return torch.tensor(distance, dtype=torch.float64)
