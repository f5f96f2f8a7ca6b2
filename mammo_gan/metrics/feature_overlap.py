"""Precision, recall, density and coverage of synthetic images, over features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mammo_gan.metrics.feature_sets import FeatureSets
from mammo_gan.statistics.manifolds import NEIGHBOURS, overlap


class FeatureOverlap(FeatureSets):
    """How much of each set of features lies where the other is.

    Args:
        extractor: image (B, 1, H, W) float32 in [0, 1] -> features (B, D).
        neighbours: the k of the balls' radius.
    """

    higher_is_better = True

    def __init__(self, extractor: nn.Module, neighbours: int = NEIGHBOURS, **kwargs: Any) -> None:
        super().__init__(extractor, **kwargs)
        self.neighbours = neighbours

    def compute(self) -> dict[str, Tensor]:
        """`precision`, `recall`, `density` and `coverage`, scalars float64.

        Raises:
            ValueError: with no more than `neighbours` images in either set.
        """
        found = overlap(*self.gathered(), neighbours=self.neighbours)
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in found._asdict().items()}
