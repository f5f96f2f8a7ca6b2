"""How smooth an image is across the edge of a mask.

The paper says that its generator "is able to incorporate contextual information to smooth out borders of the
segmentation masks" (wu2018, Figure 1) and gives no number. Ours is the mean absolute difference of neighbouring pixels
that the edge parts, over that of neighbours close by on the same side of it: 1 where no seam can be seen, above 1 where
there is one, below 1 where the border is smoother than the tissue around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def edge_steps(image: NDArray[np.floating], mask: NDArray[np.bool_], band: int) -> tuple[float, float]:
    """Mean absolute steps between neighbouring pixels: across the mask's edge, and beside it.

    Args:
        image: (H, W).
        mask: (H, W).
        band: px on either side of the edge that count as beside it.

    Returns:
        (across, beside), nan each where there are no such neighbours (an empty mask, or one that fills the image).

    Raises:
        ValueError: if the shapes differ or the band is empty.
    """
    if image.shape != mask.shape or image.ndim != 2:
        raise ValueError(f"an image and its mask have one shape (H, W); got {image.shape} and {mask.shape}")
    if band < 1:
        raise ValueError(f"the band beside an edge is at least 1 px wide; got {band}")
    # The image's own border is no edge of the mask: beyond it, the mask goes on.
    inner = ndimage.binary_erosion(mask, iterations=band, border_value=1)
    near = ndimage.binary_dilation(mask, iterations=band) & ~inner
    across, beside = [], []
    for axis in (0, 1):
        step = np.abs(np.diff(image.astype(np.float64), axis=axis))
        first, second = (np.take(mask, range(k, k + step.shape[axis]), axis=axis) for k in (0, 1))
        near1, near2 = (np.take(near, range(k, k + step.shape[axis]), axis=axis) for k in (0, 1))
        across.append(step[first != second])
        beside.append(step[(first == second) & near1 & near2])
    return _mean(np.concatenate(across)), _mean(np.concatenate(beside))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
