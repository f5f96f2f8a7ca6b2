"""The margin of a lesion: a ring around its mask, which tells a generator how the lesion meets its surroundings.

shen2021, 4.1: the 256x256 mask is "scaling up to 296x296", and the mask subtracted from it; 276 and 316 were tried too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Xyxy, mask_box

SCALE = 296 / 256  # "observed to be the most reasonable"
SCALES = (276 / 256, SCALE, 316 / 256)


def margin(mask: NDArray[np.bool_], scale: float = SCALE) -> NDArray[np.bool_]:
    """The mask enlarged by `scale` about its centre, without the mask: (H, W) bool, no pixel shared with `mask`.

    What would lie beyond the patch is cut off; an empty mask has no margin.

    # Assumption: the centre is that of the mask's box. The paper enlarges the patch and doesn't say how it is laid
    # over the old one; with equal padding on all sides the two centres are the same.

    Raises:
        ValueError: `scale` below 1.
    """
    if scale < 1:
        raise ValueError(f"a margin enlarges its mask, got a scale of {scale}")
    box = mask_box(mask)
    return np.zeros_like(mask) if box is None else _enlarged(mask, box, scale) & ~mask


def _enlarged(mask: NDArray[np.bool_], box: Xyxy, scale: float) -> NDArray[np.bool_]:
    """Each pixel's centre is drawn in towards the box's centre, and takes the value that it meets there."""
    columns = _sources(mask.shape[1], (box[0] + box[2]) / 2, scale)
    rows = _sources(mask.shape[0], (box[1] + box[3]) / 2, scale)
    return mask[np.ix_(rows, columns)]


def _sources(length: int, centre: float, scale: float) -> NDArray[np.intp]:
    """Where along an axis of `length` px each pixel of the enlarged mask comes from; always inside, as scale >= 1."""
    return np.asarray(np.floor(centre + (np.arange(length) + 0.5 - centre) / scale), dtype=np.intp)
