"""Grey values: an image stretched to the whole of 8 or 16 bits, and film beside the breast made black."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray


@overload
def stretched(image: NDArray[Any], bits: Literal[8] = 8) -> NDArray[np.uint8]: ...
@overload
def stretched(image: NDArray[Any], bits: Literal[16]) -> NDArray[np.uint16]: ...
def stretched(image: NDArray[Any], bits: Literal[8, 16] = 8) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(H, W) -> the darkest pixel 0 and the brightest 255 (or 65535 with 16 bits), rounded to the nearest between.

    alyafi2019, 3.4: "similar intensities range [0, 255] and data type (unsigned integer on 8 bits)". The order of grey
    values stays, and with 16 bits every difference between two of them. An image of one grey value becomes black.

    Raises:
        ValueError: a pixel that is no number.
    """
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("expected pixels that are numbers, found NaN or infinity")
    factor = 0.0 if low == high else (2**bits - 1) / (float(high) - float(low))
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        # One table for all pixels: several times faster than arithmetic on each.
        table = (np.arange(int(high) + 1, dtype=np.float64) - float(low)).clip(0) * factor
        grey: NDArray[np.uint8] | NDArray[np.uint16] = _rounded(table, bits)[image]
        return grey
    return _rounded((image.astype(np.float64) - float(low)) * factor, bits)


def _rounded(values: NDArray[np.float64], bits: Literal[8, 16]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    whole = np.rint(values)
    return whole.astype(np.uint8) if bits == 8 else whole.astype(np.uint16)


def blackened(image: NDArray[Any], breast: NDArray[np.bool_]) -> NDArray[Any]:
    """A copy of `image` with all beside the breast at 0: labels, tape marks and the film's noise (shen2021, 4.1).

    Args:
        image: (H, W), background dark.
        breast: (H, W) bool.
    """
    if breast.shape != image.shape:
        raise ValueError(f"expected a breast mask of the image's shape {image.shape}, got {breast.shape}")
    return np.where(breast, image, image.dtype.type(0))
