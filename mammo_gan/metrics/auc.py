"""Area under the ROC curve with its confidence interval."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mammo_gan.metrics.gathering import gather
from mammo_gan.statistics.roc import delong, interval


class AucWithInterval(Metric):
    """AUC of all rows with DeLong's interval on the scale of its logit, gathered over processes.

    Unlike most implementations it neither bins the scores nor leaves their scale: any real numbers will do.

    Args:
        confidence: of the interval.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    scores: list[Tensor]
    labels: list[Tensor]
    patients: list[Tensor]

    def __init__(self, confidence: float = 0.95, **kwargs: Any) -> None:
        super().__init__(dist_sync_fn=gather, **kwargs)
        self.confidence = confidence
        for state in ("scores", "labels", "patients"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, labels: Tensor, patients: Tensor | None = None) -> None:
        """Add rows.

        Args:
            scores: (B,) floating point, high for positive.
            labels: (B,) 1 = positive, 0 = negative.
            patients: (B,) int64, a number for each patient, the same in all processes; always or never.

        Raises:
            ValueError: if shapes differ.
        """
        given = [scores, labels] if patients is None else [scores, labels, patients]
        if any(part.shape != scores.shape or part.ndim != 1 for part in given):
            raise ValueError(f"rows of equal length are needed; got {[tuple(part.shape) for part in given]}")
        self.scores.append(scores.detach().double().cpu())
        self.labels.append(labels.detach().long().cpu())
        if patients is not None:
            self.patients.append(patients.detach().long().cpu())

    def compute(self) -> dict[str, Tensor]:
        """`auc`, `low` and `high`, scalars float64. All are nan without one of the classes; the latter two also
        where the spread can't be known, as with an AUC of 0 or 1.

        Raises:
            ValueError: if only some rows came with a patient.
        """
        scores, labels, patients = (
            dim_zero_cat(rows) if len(rows) else torch.empty(0) for rows in (self.scores, self.labels, self.patients)
        )
        if 0 < len(patients) < len(scores):
            raise ValueError(f"{len(scores)} rows, but {len(patients)} with a patient: give one with every row or none")
        found = [torch.nan] * 3
        if len(scores) and 0 < int(labels.sum()) < len(labels):
            areas = delong(scores.numpy(), labels.numpy(), patients.numpy() if len(patients) else None)
            area = float(areas.aucs[0])
            found = [area, *(interval(area, float(areas.covariance[0, 0]), self.confidence) or (torch.nan, torch.nan))]
        return {
            name: torch.tensor(value, dtype=torch.float64)
            for name, value in zip(("auc", "low", "high"), found, strict=True)
        }
