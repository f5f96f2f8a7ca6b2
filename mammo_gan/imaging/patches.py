"""Where a square patch may lie on an image: maps over all positions of its upper left corner, and draws from them.

For patches of S px on an (H, W) image a map is (H-S+1, W-S+1); its element [y, x] stands for the patch that covers the
rows y..y+S-1 and the columns x..x+S-1. Where the image is smaller than the patch, a map has no element.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Xyxy


def map_shape(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """The shape of a map for patches of `size` px on an image of `shape`."""
    if size < 1:
        raise ValueError(f"a patch has at least 1 px, got {size}")
    return max(0, shape[0] - size + 1), max(0, shape[1] - size + 1)


def covered_pixels(mask: NDArray[np.bool_], size: int) -> NDArray[np.int32]:
    """How many pixels of `mask` each patch covers: (H, W) bool -> map of int32, by one integral image."""
    positions = map_shape(mask.shape, size)
    if 0 in positions:
        return np.zeros(positions, dtype=np.int32)
    integral = cv2.integral(mask.view(np.uint8))  # (H+1, W+1) int32
    counts = integral[size:, size:] - integral[:-size, size:] - integral[size:, :-size] + integral[:-size, :-size]
    return np.asarray(counts, dtype=np.int32)


def breast_share(mask: NDArray[np.bool_], size: int) -> NDArray[np.float32]:
    """The share of each patch that is breast, in [0, 1]: (H, W) bool -> map of float32."""
    return (covered_pixels(mask, size) / (size * size)).astype(np.float32)


def holding_box(box: Xyxy, shape: tuple[int, ...], size: int, rim: int = 1) -> NDArray[np.bool_]:
    """The patches that hold `box` with at least `rim` px around it: a map of bool."""
    allowed = np.zeros(map_shape(shape, size), dtype=bool)
    x0, y0, x1, y1 = box
    rows = slice(max(0, y1 + rim - size), max(0, y0 - rim + 1))
    columns = slice(max(0, x1 + rim - size), max(0, x0 - rim + 1))
    allowed[rows, columns] = True
    return allowed


def sample_origins(allowed: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draws `count` corners uniformly from the True elements of a map.

    No position comes a second time before every one has come once. Returns (count, 2) xy; (0, 2) where nothing is
    allowed.
    """
    positions = np.flatnonzero(allowed)
    if not positions.size or count < 1:
        return np.empty((0, 2), dtype=np.intp)
    rounds, rest = divmod(count, positions.size)
    drawn = [rng.permutation(positions) for _ in range(rounds)]
    drawn.append(rng.choice(positions, size=rest, replace=False))
    rows, columns = np.divmod(np.concatenate(drawn), allowed.shape[1])
    return np.stack([columns, rows], axis=1)
