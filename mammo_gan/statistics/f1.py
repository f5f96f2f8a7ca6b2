"""Precision, recall and their harmonic mean (alyafi2019_dcgan, equation 4)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

# Assumption: alyafi2019 names no threshold; a probability above one half is called positive, as published.
THRESHOLD = 0.5


class F1Score(NamedTuple):
    """Each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def f1_score(probabilities: ArrayLike, labels: ArrayLike, threshold: float = THRESHOLD) -> F1Score:
    """Of rows that are called positive above `threshold`.

    Args:
        probabilities: (N,) of being positive.
        labels: (N,) 1 = positive, 0 = negative.

    Raises:
        ValueError: they aren't rows of one length, or a label is neither.
    """
    scores, truth = np.asarray(probabilities), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != truth.shape or not np.isin(truth, (0, 1)).all():
        raise ValueError(f"expected scores and labels 0 or 1 in rows of one length; got {scores.shape}, {truth.shape}")
    called, positive = scores > threshold, truth == 1
    return from_counts(int((called & positive).sum()), int((called & ~positive).sum()), int((~called & positive).sum()))


def from_counts(true_positives: int, false_positives: int, false_negatives: int) -> F1Score:
    """2 PR / (P + R) = 2 TP / (2 TP + FP + FN). What would be 0/0 is 0: a classifier that calls nothing positive has
    found nothing."""
    called, positive = true_positives + false_positives, true_positives + false_negatives
    return F1Score(
        precision=true_positives / called if called else 0.0,
        recall=true_positives / positive if positive else 0.0,
        f1=2 * true_positives / (called + positive) if called + positive else 0.0,
    )
