"""Confidence intervals by resampling patients, since patches of one patient aren't independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def ratio_by_patient(
    numerator: ArrayLike,
    denominator: ArrayLike,
    patients: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Percentile interval of sum(numerator) / sum(denominator), patients drawn with replacement.

    With a denominator of ones it is the interval of a mean.

    Args:
        numerator, denominator: (N,), one value per patch.
        patients: (N,), whose patch it is.

    Returns:
        (low, high), or None with fewer than two patients, whose spread can't be known.

    Raises:
        ValueError: if the lengths differ.
    """
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if above.shape != below.shape or above.shape != (len(patients),):
        raise ValueError(
            f"one value per patch is needed; got {above.shape}, {below.shape} and {len(patients)} patients"
        )
    names, which = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < 2:
        return None
    # (P,): a patient's share of both sums is all that a resample needs.
    sums = np.bincount(which, above), np.bincount(which, below)
    times_drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)  # (R, P)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (times_drawn @ sums[0]) / (times_drawn @ sums[1])
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return float(low), float(high)
