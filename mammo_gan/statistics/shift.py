"""How far one number's distribution lies from another's."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def shift(values: ArrayLike, real: ArrayLike) -> float | None:
    """Wasserstein-1 distance of two samples (N,) and (M,) in units of the real one's standard deviation.

    Values that aren't finite are left out. None where none is left, or the real ones have no spread.
    """
    ours, theirs = _finite(values), _finite(real)
    if not len(ours) or len(theirs) < 2 or theirs.std() == 0:
        return None
    return float(stats.wasserstein_distance(ours, theirs) / theirs.std())


def largest_gap(values: ArrayLike, real: ArrayLike) -> float | None:
    """Largest difference of the two samples' distribution functions, in [0, 1] (Kolmogorov and Smirnov).

    Values that aren't finite are left out. None where none is left on a side.
    """
    ours, theirs = np.sort(_finite(values)), np.sort(_finite(real))
    if not len(ours) or not len(theirs):
        return None
    at = np.concatenate([ours, theirs])
    below = (np.searchsorted(sample, at, side="right") / len(sample) for sample in (ours, theirs))
    return float(np.abs(np.subtract(*below)).max())


def _finite(values: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    flat = np.asarray(values, np.float64).reshape(-1)
    return flat[np.isfinite(flat)]
