"""Outlines of lesions: DDSM's chain codes, polygons, masks and circles.

Points are xy in pixels, x to the right and y downwards, at the centres of pixels. Chain codes count clockwise from
north: 0 = north, 1 = north-east, 2 = east, ... 7 = north-west.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_STEPS = np.array([(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)], dtype=np.int64)
_CODE_OF_STEP = {(int(dx), int(dy)): code for code, (dx, dy) in enumerate(_STEPS)}


def chain_to_polygon(col: int, row: int, codes: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """The pixels that a chain passes, its start first.

    Returns:
        (len(codes) + 1, 2) int64 xy; the last point repeats the first where the chain is closed.

    Raises:
        ValueError: a code is not in 0..7.
    """
    steps = np.asarray(codes, dtype=np.int64)
    if steps.size and (steps.min() < 0 or steps.max() > 7):
        raise ValueError(f"chain codes are 0 to 7, found {steps.min()} to {steps.max()}")
    start = np.array([(col, row)], dtype=np.int64)
    return np.concatenate([start, start + np.cumsum(_STEPS[steps], axis=0)])


def polygon_to_chain(xy: NDArray[np.integer]) -> tuple[int, int, list[int]]:
    """The inverse of `chain_to_polygon`: (N, 2) xy, each point a neighbour of the one before -> column, row, codes.

    Raises:
        ValueError: no point, or two successive points that are not neighbours.
    """
    if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) == 0:
        raise ValueError(f"an outline is (N, 2) with N > 0, got {xy.shape}")
    steps = [(int(dx), int(dy)) for dx, dy in np.diff(xy.astype(np.int64), axis=0)]
    if apart := next((step for step in steps if step not in _CODE_OF_STEP), None):
        raise ValueError(f"successive points of a chain are neighbours, found a step of {apart}")
    return int(xy[0, 0]), int(xy[0, 1]), [_CODE_OF_STEP[step] for step in steps]


def polygon_to_mask(xy: NDArray[np.integer], height: int, width: int) -> NDArray[np.bool_]:
    """All that an outline encloses, and the outline itself.

    An open outline is closed by a straight line. One that crosses itself encloses all its loops, which an even-odd rule
    would not give. What lies outside the image is cut off.

    Args:
        xy: (N, 2) integer points.

    Returns:
        (height, width) bool.
    """
    mask = np.zeros((height, width), dtype=bool)
    if len(xy) == 0:
        return mask
    corner = xy.min(axis=0) - 1  # a free rim of one pixel lets the outside reach around the outline
    size = xy.max(axis=0) - corner + 2
    canvas = np.zeros((int(size[1]), int(size[0])), dtype=np.uint8)
    cv2.polylines(canvas, [(xy - corner).astype(np.int32)], isClosed=True, color=1)
    cv2.floodFill(canvas, None, (0, 0), 2, flags=4)
    x0, y0 = (int(value) for value in corner)
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + canvas.shape[1], width), min(y0 + canvas.shape[0], height)
    if left < right and top < bottom:
        mask[top:bottom, left:right] = canvas[top - y0 : bottom - y0, left - x0 : right - x0] != 2
    return mask


def mask_to_chain(mask: NDArray[np.bool_]) -> tuple[int, int, list[int]]:
    """The closed chain around a mask, from which `polygon_to_mask` gives the same mask again.

    Raises:
        ValueError: the mask is empty, has a hole or falls into several parts, which one chain can't describe.
    """
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if len(outlines) != 1:
        raise ValueError(f"one chain describes one connected lesion, the mask has {len(outlines)}")
    xy = outlines[0].reshape(-1, 2).astype(np.int64)
    if len(xy) > 1:
        xy = np.concatenate([xy, xy[:1]])
    if int(polygon_to_mask(xy, *mask.shape).sum()) != int(mask.sum()):
        raise ValueError("the mask has a hole, which one chain can't describe")
    return polygon_to_chain(xy)


def disk_mask(cx: float, cy: float, r: float, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) bool: pixels whose centre lies within `r` px of (cx, cy)."""
    y, x = np.ogrid[:height, :width]
    return np.asarray((x - cx) ** 2 + (y - cy) ** 2 <= r**2)
