"""Confidence intervals by resampling patients, since patches of one patient aren't independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    return _percentiles(ratios, confidence)


def interval_by_patient(
    statistic: Callable[[NDArray[np.intp]], float],
    patients: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Percentile interval of any function of rows, patients drawn with replacement with all their rows.

    Args:
        statistic: numbers of rows (K,), a row as often as its patient was drawn -> the value; nan where these rows
            don't have one (an AUC of one class alone), which leaves the resample out.
        patients: (N,), whose row it is.

    Returns:
        (low, high), or None with fewer than two patients, or where no resample has a value.
    """
    names, which = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < 2:
        return None
    by_patient = np.argsort(which, kind="stable")
    counts = np.bincount(which)
    ends = np.cumsum(counts)
    values = np.empty(resamples)
    for k in range(resamples):
        drawn = rng.integers(len(names), size=len(names))
        # Rows of a patient stand side by side: each run starts where the patient's rows do.
        lengths = counts[drawn]
        offsets = np.repeat(ends[drawn] - np.cumsum(lengths), lengths)
        values[k] = statistic(by_patient[offsets + np.arange(lengths.sum())])
    return _percentiles(values, confidence)


def _percentiles(values: NDArray[np.float64], confidence: float) -> tuple[float, float] | None:
    """Of the values that aren't nan; None without any."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
