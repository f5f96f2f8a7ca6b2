"""The first five moments of an image's grey levels (korkinof2019_mammogan, Figure 2).

The figure names them mean, variance, skewness, kurtosis and hyperskewness and gives no formula.
Assumption: population moments; those of order 3, 4 and 5 are central and standardised by the standard
deviation, so a normal distribution has 0, 3 and 0 (kurtosis isn't reduced by 3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Moments(NamedTuple):
    """One value per image, float64."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    skewness: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    hyperskewness: NDArray[np.float64]


def moments(image: NDArray[np.generic], where: NDArray[np.bool_] | None = None) -> Moments:
    """Moments over the last two axes.

    Args:
        image: (..., H, W), any real type and range.
        where: (..., H, W) bool, the pixels that count; all of them without it.

    Returns:
        Five arrays of shape (...). An image without a counted pixel has nan throughout; one whose counted
        pixels are all equal has nan for the three standardised ones, which it doesn't possess.

    Raises:
        ValueError: if `image` has fewer than two axes or `where` another shape.
    """
    if image.ndim < 2:
        raise ValueError(f"an image has at least two axes; this one has shape {image.shape}")
    if where is not None and where.shape != image.shape:
        raise ValueError(f"image and mask differ in shape: {image.shape} and {where.shape}")
    values = image.astype(np.float64)
    if where is None:
        count: NDArray[np.float64] | float = float(image.shape[-2] * image.shape[-1])
    else:
        count = where.sum(axis=(-2, -1)).astype(np.float64)

    def average(terms: NDArray[np.float64]) -> NDArray[np.float64]:
        counted = terms if where is None else np.where(where, terms, 0.0)
        return np.asarray(counted.sum(axis=(-2, -1)) / count, dtype=np.float64)

    with np.errstate(invalid="ignore", divide="ignore"):
        mean = average(values)
        deviation = values - mean[..., None, None]
        square = deviation * deviation
        variance = average(square)
        # Rounding of the mean leaves a trace of variance in a constant image; it isn't one to divide by.
        constant = variance <= (16 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
        sigma = np.sqrt(np.where(constant, np.nan, variance))
        cube = square * deviation
        return Moments(
            mean,
            variance,
            average(cube) / sigma**3,
            average(square * square) / sigma**4,
            average(cube * square) / sigma**5,
        )
