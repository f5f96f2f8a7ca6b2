"""Features of real and of synthetic images, gathered for what compares two sets."""

from __future__ import annotations

from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mammo_gan.metrics.gathering import gather


class FeatureSets(Metric):
    """Keeps the features of two sets of images; a subclass's `compute` compares them.

    The features are kept in float64, D values per image (80 MB for 5,000 images of Inception's 2048), and gathered over
    processes. Nothing is lost that way: a sum of outer products, as for very many images, would do for a Fréchet
    distance alone. In a MetricCollection, metrics that share an extractor run it once.

    Args:
        extractor: image (B, 1, H, W) float32 in [0, 1] -> features (B, D). Run in eval mode without gradients.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    real: list[Tensor]
    synthetic: list[Tensor]

    def __init__(self, extractor: nn.Module, **kwargs: Any) -> None:
        super().__init__(dist_sync_fn=gather, **kwargs)
        self.extractor = extractor.eval().requires_grad_(False)
        self.add_state("real", default=[], dist_reduce_fx="cat")
        self.add_state("synthetic", default=[], dist_reduce_fx="cat")

    def train(self, mode: bool = True) -> Self:
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

    def gathered(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Features (N, D) of the real and (M, D) of the synthetic images, float64.

        Raises:
            ValueError: if one of the sets has no images.
        """
        sets = self.real, self.synthetic
        if not all(len(features) for features in sets):
            raise ValueError("a distance needs at least two real and two synthetic images; a set has none")
        real, synthetic = (dim_zero_cat(features).numpy(force=True) for features in sets)
        return real, synthetic
