"""Three numbers for the shape of a lesion's mask: how large, how long, how ragged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops


class Shapes(NamedTuple):
    """One value per mask, float64 in [0, 1]; nan where a mask is empty and so has no shape.

    area_share:   of its frame
    eccentricity: of the ellipse with the mask's second moments; 0 = a disc, towards 1 = a line
    solidity:     of its convex hull, the share that is mask; 1 = convex, less = lobes and spikes
    """

    area_share: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    solidity: NDArray[np.float64]


def shapes(masks: NDArray[np.bool_]) -> Shapes:
    """Of masks (N, H, W) bool, each taken as one region.

    Raises:
        ValueError: there aren't three axes.
    """
    if masks.ndim != 3:
        raise ValueError(f"expected masks (N, H, W), got {masks.shape}")
    values = np.array([_shape(mask) for mask in masks], dtype=np.float64).reshape(-1, len(Shapes._fields))
    return Shapes(*values.T)


def _shape(mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    if not mask.any():
        return np.nan, np.nan, np.nan
    (region,) = regionprops(mask.astype(np.uint8))  # type: ignore[no-untyped-call]
    return float(mask.mean()), float(region.eccentricity), float(region.solidity)
