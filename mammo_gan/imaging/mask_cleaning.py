"""A mask that a network drew in grey, made the outline of one lesion (shen2021_trilabel, 4.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

THRESHOLD = 0.5
SMALLEST = 0.005  # of the frame's area: 20 px of 64 x 64
MOST_CUT = 0.25  # of the outline; a disc that the frame halves has 0.39 along it


def clean_mask(
    grey: NDArray[np.floating[Any]], smallest: float = SMALLEST, most_cut: float = MOST_CUT
) -> NDArray[np.bool_] | None:
    """The one lesion that a grey mask shows: without noise and holes, and clear of the frame.

    # Assumption: shen2021, 4.3, removes "the white noise from the synthetic mask" and doesn't say how. Ours takes the
    # median of 3x3 px, half of white as threshold, an opening by a cross of 3x3 px and the largest part, and fills its
    # holes. A real mask has context on all sides, so a lesion that goes on beyond the frame is refused rather than cut.

    Args:
        grey: (H, W) floating in [0, 1], 1 = lesion.
        smallest: share of the frame's area that a lesion has at least.
        most_cut: share of its outline that may lie along the frame. So much is drawn in by one pixel.

    Returns:
        (H, W) bool, one part whose pixels touch by their sides, none of them on the frame; None where no lesion is
        left that is large enough and whole enough.

    Raises:
        ValueError: it has no two axes, or a value outside [0, 1].
    """
    if grey.ndim != 2 or not grey.size or not (grey.min() >= 0 and grey.max() <= 1):
        raise ValueError(f"a grey mask is (H, W) in [0, 1]; got {grey.shape} {grey.dtype}")
    smooth = ndimage.median_filter(grey, size=3, mode="constant", cval=0.0)
    shown = ndimage.binary_opening(smooth >= THRESHOLD)
    largest = _largest_part(shown & _inside(grey.shape, 1))
    if largest is None:
        return None
    lesion: NDArray[np.bool_] = ndimage.binary_fill_holes(largest)
    outline = lesion & ~ndimage.binary_erosion(lesion)
    cut = outline & ~_inside(grey.shape, 2)
    return lesion if lesion.mean() >= smallest and cut.sum() <= most_cut * outline.sum() else None


def _inside(shape: tuple[int, ...], rim: int) -> NDArray[np.bool_]:
    """(H, W) bool: all but the `rim` outermost pixels on each side."""
    inside = np.zeros(shape, dtype=bool)
    inside[rim:-rim, rim:-rim] = True
    return inside


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Of the parts whose pixels touch by their sides; None for an empty mask."""
    parts, count = ndimage.label(mask)
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.flat)[1:])) if count else None
