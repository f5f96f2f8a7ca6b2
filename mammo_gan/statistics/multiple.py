"""Several tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values (K,) adjusted so that the chance of any false finding stays below the level (Holm 1979).

    The smallest is multiplied by K, the next by K - 1 and so on; none may fall below the one before it, nor exceed 1.
    A nan is a test that wasn't made: it stays nan and isn't counted.

    Raises:
        ValueError: if a value is outside of [0, 1].
    """
    p = np.asarray(p_values, np.float64)
    made = ~np.isnan(p)
    if p.ndim != 1 or not ((p[made] >= 0) & (p[made] <= 1)).all():
        raise ValueError(f"p-values are a row of numbers in [0, 1]; got {p}")
    adjusted = np.full(p.shape, np.nan)
    order = np.flatnonzero(made)[np.argsort(p[made], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1.0) if len(order) else []
    return adjusted
