"""Differences over the folds of a cross-validation, which aren't independent: each trains on what others test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """difference: mean over folds
    interval:   of the mean; None with one fold, and where the folds show no spread though they differ from 0
    p_value:    two-sided, of a mean of 0; 1 where every fold says 0, None where there is no interval
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float | None


def corrected_t(differences: ArrayLike, test_per_training: float, confidence: float = 0.95) -> MeanDifference:
    """Mean of the paired differences (J,) of J folds by the corrected resampled t-test (Nadeau and Bengio 2003).

    The variance of the mean is (1 / J + test_per_training) s^2, where s^2 is the folds' own and 1 / J alone would hold
    if they were independent; t has J - 1 degrees of freedom. The correction is approximate: no estimate from the folds
    themselves is free of bias (Bengio and Grandvalet 2004).

    Args:
        test_per_training: size of a fold's test set over that of its training set, 0.5 for three folds without
            validation.

    Raises:
        ValueError: without differences, where one isn't finite, or with a negative ratio.
    """
    d = np.asarray(differences, np.float64)
    if d.ndim != 1 or not d.size or not np.isfinite(d).all():
        raise ValueError(f"a row of finite differences is needed; got {d}")
    if not test_per_training >= 0:
        raise ValueError(f"the ratio of test to training set is 0 or more; got {test_per_training}")
    mean = float(d.mean())
    if d.size < 2:
        return MeanDifference(mean, None, None)
    spread = float(np.sqrt((1 / d.size + test_per_training) * d.var(ddof=1)))
    if spread <= 1e-12:  # what rounding leaves of equal differences
        alike = abs(mean) <= 1e-12
        return MeanDifference(mean, (0.0, 0.0) if alike else None, 1.0 if alike else None)
    reach = float(stats.t.ppf((1 + confidence) / 2, d.size - 1)) * spread
    p_value = 2 * float(stats.t.sf(abs(mean) / spread, d.size - 1))
    return MeanDifference(mean, (mean - reach, mean + reach), p_value)
