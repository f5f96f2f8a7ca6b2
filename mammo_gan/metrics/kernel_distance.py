"""The kernel distance (KID) between features of real and of synthetic images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammo_gan.metrics.feature_sets import FeatureSets
from mammo_gan.statistics.kernel import SUBSET_SIZE, SUBSETS, kernel_distance


class FeatureKernelDistance(FeatureSets):
    """Unbiased squared MMD of two sets of features with the cubic kernel, mean and deviation over subsets.

    Args:
        extractor: image (B, 1, H, W) float32 in [0, 1] -> features (B, D).
        subsets: how many are drawn.
        subset_size: images of each set in one, or all of the smaller set.
        seed: of the drawing; the same features always give the same result.
    """

    def __init__(
        self,
        extractor: nn.Module,
        subsets: int = SUBSETS,
        subset_size: int = SUBSET_SIZE,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(extractor, **kwargs)
        self.subsets, self.subset_size, self.seed = subsets, subset_size, seed

    def compute(self) -> dict[str, Tensor]:
        """`mean` and `deviation`, scalars float64; the latter nan where each subset is the whole of both sets.

        Raises:
            ValueError: with fewer than two images in either set.
        """
        rng = np.random.default_rng(self.seed)
        found = kernel_distance(*self.gathered(), rng, self.subsets, self.subset_size)
        deviation = torch.nan if found.deviation is None else found.deviation
        return {
            "mean": torch.tensor(found.mean, dtype=torch.float64),
            "deviation": torch.tensor(deviation, dtype=torch.float64),
        }
