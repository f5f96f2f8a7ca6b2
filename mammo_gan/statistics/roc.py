"""Area under the ROC curve with DeLong's covariance (DeLong et al. 1988, in the form of Sun and Xu 2014).

The AUC is the share of pairs of a positive and a negative that are in the right order, ties counting half. The
placement of a positive is the share of negatives below it, that of a negative the share of positives above it; both
average to the AUC, and their variances over positives and negatives give its variance. By midranks placements take
O(N log N) instead of a comparison of all pairs.

Rows of one patient aren't independent. With patients given, placements are summed by patient first (Obuchowski 1997);
with one row a patient that is DeLong's covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Aucs:
    """Areas of K scores of the same rows.

    aucs:       (K,) float64 in [0, 1]
    covariance: (K, K) of the estimates; nan where a class has a single row or patient
    """

    aucs: Values
    covariance: Values


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scores of the same rows.

    difference: first AUC minus second
    interval:   of the difference; None where its variance can't be known
    p_value:    two-sided, of equal areas; 1 where they are equal, None where the variance can't be known
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float | None


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve of scores (N,), the higher the more likely positive; nan without one of the classes.

    Args:
        labels: (N,), 1 or True = positive, 0 or False = negative.

    Raises:
        ValueError: if shapes differ, a score is nan, or a label is neither 0 nor 1.
    """
    s, positive = _checked(scores, labels)
    if positive.all() or not positive.any():
        return float("nan")
    return float(_placements(s[0], positive)[0].mean())


def delong(scores: ArrayLike, labels: ArrayLike, patients: Sequence[str] | ArrayLike | None = None) -> Aucs:
    """Areas of one or more scores of the same rows, with their covariance.

    Args:
        scores: (N,) or (K, N).
        labels: (N,), 1 or True = positive, 0 or False = negative.
        patients: (N,), whose rows they are; None = rows are independent.

    Raises:
        ValueError: as `auc`, and if one of the classes is missing.
    """
    s, positive = _checked(scores, labels)
    if positive.all() or not positive.any():
        raise ValueError(f"an AUC needs both classes; got {positive.sum()} positives of {positive.size} rows")
    of_positives, of_negatives = (
        np.stack(part) for part in zip(*(_placements(row, positive) for row in s), strict=True)
    )  # (K, m), (K, n)
    aucs = of_positives.mean(axis=1)
    if patients is None:
        covariance = _covariance_of_mean(of_positives) + _covariance_of_mean(of_negatives)
    else:
        whose = np.unique(np.asarray(patients), return_inverse=True)[1].reshape(-1)
        if whose.shape != positive.shape:
            raise ValueError(f"one patient per row is needed; got {whose.size} for {positive.size} rows")
        covariance = _clustered(of_positives, of_negatives, whose[positive], whose[~positive], aucs)
    return Aucs(aucs, covariance)


def interval(area: float, variance: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Confidence interval of an AUC on the scale of its logit, which keeps it within [0, 1] (Pepe 2003, section 5.2).

    None where the variance is zero or unknown: an area of 0 or 1 has no spread in the sample, which doesn't mean that
    it has none.
    """
    if not (0 < area < 1 and variance > 0):
        return None
    reach = _quantile(confidence) * np.sqrt(variance) / (area * (1 - area))
    low, high = special.expit(special.logit(area) + np.array([-reach, reach]))
    return float(low), float(high)


def compare(both: Aucs, first: int = 0, second: int = 1, confidence: float = 0.95) -> Comparison:
    """DeLong's paired test of two areas of the same rows.

    Equal areas with no variance between them, as of identical scores, have a p-value of 1 and an interval of
    (0, 0). Unequal ones with no variance (areas of 0 and 1) have neither.
    """
    difference = float(both.aucs[first] - both.aucs[second])
    c = both.covariance
    parts = c[first, first], c[second, second], c[first, second]
    variance = float(parts[0] + parts[1] - 2 * parts[2])
    if np.isnan(variance):
        return Comparison(difference, None, 1.0 if difference == 0 else None)
    # Scores that order the rows alike differ by rounding alone.
    rounding = 1e-12 * float(parts[0] + parts[1])
    if variance <= rounding:
        alike = abs(difference) <= 1e-12
        return Comparison(difference, (difference, difference) if alike else None, 1.0 if alike else None)
    reach = _quantile(confidence) * np.sqrt(variance)
    p_value = 2 * stats.norm.sf(abs(difference) / np.sqrt(variance))
    return Comparison(difference, (float(difference - reach), float(difference + reach)), float(p_value))


def _placements(scores: Values, positive: NDArray[np.bool_]) -> tuple[Values, Values]:
    """(m,) share of negatives below each positive; (n,) share of positives above each negative; ties half."""
    above, below = scores[positive], scores[~positive]
    ranks = stats.rankdata(np.concatenate([above, below]))  # midranks
    of_positives = (ranks[: above.size] - stats.rankdata(above)) / below.size
    of_negatives = 1.0 - (ranks[above.size :] - stats.rankdata(below)) / above.size
    return of_positives, of_negatives


def _covariance_of_mean(placements: Values) -> Values:
    """(K, K) from (K, m): of each row's mean."""
    count = placements.shape[1]
    if count < 2:
        return np.full((len(placements), len(placements)), np.nan)
    return np.asarray(np.atleast_2d(np.cov(placements)) / count, dtype=np.float64)


def _clustered(
    of_positives: Values,
    of_negatives: Values,
    patient_of_positive: NDArray[np.intp],
    patient_of_negative: NDArray[np.intp],
    aucs: Values,
) -> Values:
    """Obuchowski 1997, equations 5 to 8: deviations are summed by patient, and both classes of a patient covary."""
    patients = 1 + max(patient_of_positive.max(), patient_of_negative.max())
    sums = []  # (K, P) for positives, for negatives
    with_rows = []
    for placements, whose in ((of_positives, patient_of_positive), (of_negatives, patient_of_negative)):
        deviations = placements - aucs[:, None]
        sums.append(np.stack([np.bincount(whose, row, minlength=patients) for row in deviations]))
        with_rows.append(len(np.unique(whose)))
    if min(with_rows) < 2:
        return np.full((len(aucs), len(aucs)), np.nan)
    m, n = of_positives.shape[1], of_negatives.shape[1]
    within = [count / (count - 1) * part @ part.T for count, part in zip(with_rows, sums, strict=True)]
    across = patients / (patients - 1) * sums[0] @ sums[1].T
    return np.asarray(within[0] / m**2 + within[1] / n**2 + (across + across.T) / (m * n), dtype=np.float64)


def _quantile(confidence: float) -> float:
    return float(stats.norm.ppf((1 + confidence) / 2))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Values, NDArray[np.bool_]]:
    s, y = np.atleast_2d(np.asarray(scores, np.float64)), np.asarray(labels)
    if s.ndim != 2 or y.shape != s.shape[1:]:
        raise ValueError(f"scores (N,) or (K, N) and labels (N,) are needed; got {np.shape(scores)} and {y.shape}")
    if np.isnan(s).any():
        raise ValueError("scores contain NaNs")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels are 0 or 1")
    return s, y.astype(np.bool_)
