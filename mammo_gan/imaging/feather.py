"""How much of each pixel is new where a lesion is laid into tissue: all on its mask, fading out over its margin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mammo_gan.imaging.margin import SCALE, margin


def feathered(mask: NDArray[np.bool_], scale: float = SCALE) -> NDArray[np.float64]:
    """1 on the mask, 0 beyond its margin, and between them linear in the distances to both: (H, W) in [0, 1].

    Beyond the patch's border there is nothing new, so the weights fall towards it as well, save on the mask.

    Args:
        scale: of the margin, as for `margin`.
    """
    if not mask.any():
        return np.zeros(mask.shape)
    region = np.pad(mask | margin(mask, scale), 1)
    outwards = ndimage.distance_transform_edt(region)[1:-1, 1:-1]  # px to the nearest pixel beyond the margin
    inwards = ndimage.distance_transform_edt(~mask)  # px to the nearest pixel of the mask
    return np.asarray(outwards / (outwards + inwards))  # never 0 / 0: a pixel of the mask isn't beyond the margin
