"""Sizes: fitting an image into a limit, and taking masks and boxes along."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Xyxy = tuple[int, int, int, int]  # half-open box, px
Grey = TypeVar("Grey", np.uint8, np.uint16, np.float32)


def fit_within(height: int, width: int, limit_height: int, limit_width: int, enlarge: bool = False) -> float:
    """The scale at which an image just fits a limit, its longer side held against the limit's longer side.

    So a landscape scan meets the same limit as the portrait one that it is after a quarter turn. At most 1, unless
    `enlarge`: enlarging adds pixels without adding detail, but a detector's anchors want lesions of their own size.
    """
    if min(height, width, limit_height, limit_width) < 1:
        raise ValueError(f"sizes start at 1 px, got {height}x{width} and the limit {limit_height}x{limit_width}")
    long, short = max(height, width), min(height, width)
    scale = min(max(limit_height, limit_width) / long, min(limit_height, limit_width) / short)
    return scale if enlarge else min(1.0, scale)


def scaled_shape(height: int, width: int, scale: float) -> tuple[int, int]:
    """(height, width) in whole pixels after scaling, at least 1 each."""
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize_image(image: NDArray[Grey], shape: tuple[int, int]) -> NDArray[Grey]:
    """(H, W) -> `shape` in the same type: area means when shrinking, linear when enlarging."""
    if image.shape == shape:
        return image.copy()
    shrinks = shape[0] <= image.shape[0] and shape[1] <= image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=interpolation), dtype=image.dtype)


def resize_mask(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) bool -> `shape`: a pixel belongs to the mask if at least half of its area does.

    A mask too small for that in any pixel keeps every pixel that it touches, so that no lesion vanishes.
    """
    if mask.shape == shape:
        return mask.copy()
    covered = resize_image(mask.astype(np.float32), shape)
    resized = np.asarray(covered >= 0.5)
    return resized if resized.any() else np.asarray(covered > 0)


def scale_box(box: Xyxy, scale: float, shape: tuple[int, int]) -> Xyxy:
    """The smallest box of whole pixels over the scaled one, within an image of `shape` and at least 1x1 px."""
    height, width = shape
    x0 = min(max(int(np.floor(box[0] * scale)), 0), width - 1)
    y0 = min(max(int(np.floor(box[1] * scale)), 0), height - 1)
    x1 = min(max(int(np.ceil(box[2] * scale)), x0 + 1), width)
    y1 = min(max(int(np.ceil(box[3] * scale)), y0 + 1), height)
    return x0, y0, x1, y1


def mask_box(mask: NDArray[np.bool_]) -> Xyxy | None:
    """The box around a mask; None for an empty one."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
