"""F1 score of a classifier, with the precision and the recall that it is made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from mammo_gan.metrics.gathering import gather
from mammo_gan.statistics.f1 import THRESHOLD, F1Score, from_counts

NAMES = F1Score._fields


class F1(Metric):
    """Precision, recall and F1 of all rows, counted batch by batch and over processes.

    Args:
        threshold: rows with a probability above it are called positive.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    counts: Tensor

    def __init__(self, threshold: float = THRESHOLD, **kwargs: Any) -> None:
        super().__init__(dist_sync_fn=gather, **kwargs)
        self.threshold = threshold
        # True positives, false positives, false negatives.
        self.add_state("counts", default=torch.zeros(3, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Add rows.

        Args:
            probabilities: (B,) floating point in [0, 1].
            labels: (B,) 1 = positive, 0 = negative.

        Raises:
            ValueError: if shapes differ.
        """
        if probabilities.shape != labels.shape or labels.ndim != 1:
            raise ValueError(f"expected rows of one length; got {tuple(probabilities.shape)}, {tuple(labels.shape)}")
        called, positive = probabilities > self.threshold, labels == 1
        found = torch.stack([(called & positive).sum(), (called & ~positive).sum(), (~called & positive).sum()])
        self.counts += found.to(self.counts)

    def compute(self) -> dict[str, Tensor]:
        """`precision`, `recall` and `f1`, scalars float64 in [0, 1]; 0 where there is nothing to divide by."""
        score = from_counts(*map(int, self.counts.tolist()))
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in score._asdict().items()}
