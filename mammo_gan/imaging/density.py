"""How dense a breast is, measured on its film: the share of its area that is clearly brighter than fat.

Percent density by a threshold of grey, which there an observer sets by eye: J. W. Byng et al., "The quantitative
analysis of mammographic densities", Physics in Medicine and Biology 39 (1994) 1629-1638. Here the film sets it:

1. Fat at each distance from the skin: the darkest tissue there. Towards the chest wall fat gets no darker, and beyond
   the margin, where the paddle keeps the breast even, no brighter.
2. Dense is what exceeds fat by nearly half of what the film's brightest tissue does, and by a quarter of fat's own
   brightness over film black; fat with a few vessels alone would otherwise be split in two.

A measure for comparing sets of images, not a radiologist's reading.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.pectoral import tissue_mask

Category = Literal["A", "B", "C", "D"]

LIMITS = (0.10, 0.25, 0.50)
"""Percent density where a category ends and the next begins: the upper limits of N. F. Boyd et al., Journal of the
National Cancer Institute 87 (1995) 670-675, of whose six categories the outer ones are taken together. BI-RADS itself
gives no such limits since its 5th edition; the quarters of its 4th (25, 50, 75 %) are of shares estimated by eye, which
come out higher than those of a threshold (C. H. van Breest Smallenburg et al., Insights into Imaging 3 (2012) 91-99).
"""

_STEP = 1.0  # mm per px of the copy that is measured
_SKIN = 2  # mm from the outline that are skin
_MARGIN = 26  # mm from the skin within which the breast gets thinner, about half its thickness
_FAT = 5.0  # percentile of the tissue at some distance from the skin that is taken for fat
_FEWEST = 20  # px from which a percentile is taken
_BRIGHTEST = 99.0  # percentile
_PART_OF_BRIGHTEST, _PART_OF_FAT = 0.45, 0.25
_BLACK = 1.0  # percentile of the whole image


def percent_density(image: NDArray[Any], view: str | None, mm_per_px: float) -> float:
    """Share of the breast's area that is dense, in [0, 1], without muscle and skin line; nan without a breast.

    Args:
        image: (H, W), as for `breast_mask`: grey levels that rise with optical density's fall, any offset and gain.
        view: "MLO", "CC" or whatever the record says; muscle is looked for on MLO alone.
        mm_per_px: side of a pixel.

    Raises:
        ValueError: `mm_per_px` isn't above 0.
    """
    dense, breast = dense_mask(image, view, mm_per_px)
    return float(dense.sum() / breast.sum()) if breast.any() else float("nan")


def dense_mask(image: NDArray[Any], view: str | None, mm_per_px: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(dense, breast): (h, w) bool on pixels of 1 mm, without muscle and skin line; see `percent_density`."""
    if not mm_per_px > 0:
        raise ValueError(f"a pixel's side is more than 0 mm, got {mm_per_px}")
    scale = mm_per_px / _STEP
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    grey = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    tissue, breast = (
        cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        for mask in (tissue_mask(image, view), breast_mask(image))
    )
    # Where the breast goes on behind the film's edge there is no skin.
    beyond = np.pad(breast, 1, mode="edge")
    depth = np.asarray(cv2.distanceTransform(beyond, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1] * _STEP, np.float32)
    measured = (tissue > 0) & (depth > _SKIN)
    fat = _fat(grey, depth, measured)
    if fat is None:
        return np.zeros(grey.shape, dtype=bool), measured
    level = np.interp(depth, np.arange(1, len(fat) + 1), fat)
    over = grey - level
    least = max(
        _PART_OF_BRIGHTEST * float(np.percentile(over[measured], _BRIGHTEST)),
        _PART_OF_FAT * float(fat[-1] - np.percentile(grey, _BLACK)),
    )
    return np.asarray(measured & (over > least)), measured


def category(share: float) -> Category:
    """The BI-RADS-like category of a percent density in [0, 1]."""
    names: tuple[Category, ...] = ("A", "B", "C", "D")
    return names[int(np.searchsorted(LIMITS, share, side="right"))]


def _fat(
    grey: NDArray[np.float32], depth: NDArray[np.float32], measured: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Grey of fat at 1, 2, ... mm from the skin, (N,), beyond which it stays; None where there is hardly any tissue."""
    levels = np.full(_MARGIN, np.nan)
    for mm in range(1, _MARGIN + 1):
        ring = grey[measured & (np.abs(depth - mm) <= 1.5)]
        if ring.size > _FEWEST:
            levels[mm - 1] = np.percentile(ring, _FAT)
    known = np.flatnonzero(np.isfinite(levels))
    if not known.size:
        return None
    levels = np.interp(np.arange(_MARGIN), known, levels[known])
    return np.asarray(np.minimum.accumulate(levels[::-1])[::-1], dtype=np.float64)
