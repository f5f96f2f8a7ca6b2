"""Fitting whole mammograms into the size that a paper asks for, aspect kept, and taking all that belongs to them along.

Bits stay: an image of 16 bits comes out with 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Grey, Xyxy, fit_within, resize_image, resize_mask, scale_box, scaled_shape

KORKINOF2019 = (1280, 1024)  # px, height and width; every image of exactly this size
WU2018 = (1375, 750)  # "a target range" (3.1): within it
SHEN2021 = (800, 1333)  # (4.4): of a Light-Head R-CNN, the short side 800 unless the long one would pass 1333


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image was fitted: scaled by `scale` to `shape`, then laid on black with its corner at (left, top).

    Sizes are (height, width), px. Where nothing is laid on anything, `canvas` is `shape`, and left and top are 0.
    Columns that fall beside the canvas are cut off: `left` is below 0 then, or `shape` reaches too far to the right.
    """

    source: tuple[int, int]
    scale: float
    shape: tuple[int, int]
    canvas: tuple[int, int]
    left: int = 0
    top: int = 0

    def image(self, image: NDArray[Grey]) -> NDArray[Grey]:
        """(H, W) of `source` -> `canvas`, of the same type."""
        return self._laid(resize_image(self._checked(image), self.shape))

    def mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(H, W) bool of `source` -> `canvas`; no mask vanishes."""
        return self._laid(resize_mask(self._checked(mask), self.shape))

    def box(self, box: Xyxy) -> Xyxy:
        """A box of the source on the canvas: all pixels that it touches there, and one at least."""
        x0, y0, x1, y1 = scale_box(box, self.scale, self.shape)
        x0 = min(max(x0 + self.left, 0), self.canvas[1] - 1)
        return x0, y0 + self.top, min(max(x1 + self.left, x0 + 1), self.canvas[1]), y1 + self.top

    def box_back(self, box: Xyxy) -> Xyxy:
        """A box of the canvas on the source: all pixels that it touches, as far as the source goes."""
        x0, y0, x1, y1 = box
        height, width = self.source
        return (
            min(max(floor((x0 - self.left) / self.scale), 0), width),
            min(max(floor((y0 - self.top) / self.scale), 0), height),
            min(max(ceil((x1 - self.left) / self.scale), 0), width),
            min(max(ceil((y1 - self.top) / self.scale), 0), height),
        )

    def mm_per_px(self, mm_per_px: float | None) -> float | None:
        """The spacing of the fitted image's pixels; None where the source's isn't known."""
        return None if mm_per_px is None else mm_per_px / self.scale

    def _checked(self, pixels: NDArray[Any]) -> NDArray[Any]:
        if pixels.shape != self.source:
            raise ValueError(f"expected an image of {self.source}, for which the fit was made, got {pixels.shape}")
        return pixels

    def _laid(self, pixels: NDArray[Any]) -> NDArray[Any]:
        if self.canvas == self.shape:
            return pixels
        laid = np.zeros(self.canvas, dtype=pixels.dtype)
        first, end = max(self.left, 0), min(self.left + self.shape[1], self.canvas[1])
        laid[self.top : self.top + self.shape[0], first:end] = pixels[:, first - self.left : end - self.left]
        return laid


def fit_inside(source: tuple[int, int], limit: tuple[int, int], enlarge: bool = False) -> Fit:
    """Into `limit`, lying or standing, in the largest size that it takes (wu2018; shen2021 with `enlarge`)."""
    scale = fit_within(*source, *limit, enlarge)
    shape = scaled_shape(*source, scale)
    return Fit(source, scale, shape, shape)


def fit_onto(source: tuple[int, int], canvas: tuple[int, int], columns: tuple[int, int] | None = None) -> Fit:
    """Onto a canvas of exactly this size, filled up with black at the right, above and below (korkinof2019).

    The left border stays the left border: put the chest wall there first. Images smaller than the canvas are enlarged.

    Args:
        columns: first and end of the columns that are to be seen whole, half-open; the first comes to the left border.
            None = all. What is before them is cut off, and what is behind them as far as it doesn't fit.
    """
    if min(*source, *canvas) < 1:
        raise ValueError(f"sizes start at 1 px, got {source} and the canvas {canvas}")
    first, end = columns or (0, source[1])
    if not 0 <= first < end <= source[1]:
        raise ValueError(f"expected columns of an image that is {source[1]} px wide, got {first} to {end}")
    scale = min(canvas[0] / source[0], canvas[1] / (end - first))
    shape = scaled_shape(*source, scale)
    return Fit(source, scale, shape, canvas, left=-floor(first * scale), top=(canvas[0] - shape[0]) // 2)
