"""The pectoral muscle on an MLO view: the bright triangle in the upper corner at the chest wall.

Its edge runs from the film's top to the chest wall, nearly straight, brighter above than below. So: of all straight
lines from the top to the chest wall the one with the steadiest step, then a path beside it that follows the edge.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.geometry import mask_box
from mammo_gan.imaging.orientation import chest_wall_is_right, mirrored

_SEARCH_HEIGHT = 256  # px, of the copy that is searched; other lengths below are in its pixels
_BLUR = 2.0
_POINTS = 96  # along a line
_TOP = np.linspace(0.12, 1.0, 45)  # where a line may meet the top, of the breast's width
_WALL = np.linspace(0.15, 1.15, 51)  # and the chest wall, of its height
_SLOPES = (0.12, 1.3)  # width over height of the triangle
_STEEPEST = (
    0.02  # a step counts up to here, of the range from film to tissue per px: vessels and folds don't outvote the edge
)
_LEAST = 0.006  # the mean step of an edge; of MIAS's films a clear one has 0.008 to 0.02
_LARGEST = 0.5  # of the breast; what is larger isn't muscle
_REACH = 12  # the path stays this close to the line
_BEND = 0.25  # price of a step sideways, in steepest steps


def tissue_mask(image: NDArray[Any], view: str | None) -> NDArray[np.bool_]:
    """The breast without labels, tape and film, and on an MLO view without the muscle: (H, W) bool, one piece.

    Args:
        image: (H, W), as for `breast_mask`.
        view: "MLO", "CC" or whatever the record says; the muscle is looked for on MLO alone.
    """
    breast = breast_mask(image)
    if view != "MLO":
        return breast
    rest = breast & ~pectoral_muscle(image, breast)
    count, labelled, statistics, _ = cv2.connectedComponentsWithStats(rest.view(np.uint8), connectivity=4)
    if count <= 2:
        return rest
    return np.asarray(labelled == 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA])))


def pectoral_muscle(image: NDArray[Any], breast: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The muscle within the breast mask: (H, W) bool, empty where no edge is clear enough.

    For MLO views alone: on a CC view the muscle hardly shows, and another edge may be taken for it.

    Args:
        image: (H, W) uint8, uint16 or float, dense tissue bright.
        breast: (H, W) bool, as `breast_mask` gives it.
    """
    if breast.shape != image.shape:
        raise ValueError(f"expected a breast mask of the image's shape {image.shape}, got {breast.shape}")
    muscle = np.zeros(image.shape, dtype=bool)
    box = mask_box(breast)
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 16:
        return muscle
    x0, y0, x1, y1 = box
    right = chest_wall_is_right(breast[y0:y1, x0:x1])
    inside = mirrored(breast[y0:y1, x0:x1], right)
    outline = _outline(mirrored(image[y0:y1, x0:x1], right), inside)
    if outline is not None:
        canvas = np.zeros(inside.shape, dtype=np.uint8)
        cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 1)
        found = (canvas > 0) & inside
        if np.count_nonzero(found) <= _LARGEST * np.count_nonzero(inside):
            muscle[y0:y1, x0:x1] = mirrored(found, right)
    return muscle


def _outline(image: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Corners (K, 2) xy of the muscle in px of `image`, whose chest wall is at the left; None where there is none."""
    scale = _SEARCH_HEIGHT / image.shape[0]
    size = (max(8, round(image.shape[1] * scale)), _SEARCH_HEIGHT)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image.astype(np.float32), size, interpolation=interpolation)
    within = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    if not within.any():
        return None
    low, high = float(small.min()), float(np.percentile(small[within], 98))
    small = ((small - low) / max(high - low, 1e-6)).clip(0, 1.2)
    # The skin line is no edge of the muscle, nor are the borders of the image.
    padded = np.pad(within, ((8, 8), (8, 0)), mode="edge").astype(np.uint8)
    clear = cv2.erode(padded, np.ones((9, 9), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)[8:-8, 8:] > 0
    blurred = gaussian_filter(small, _BLUR, mode="nearest")
    down, along = np.gradient(blurred)
    down, along = np.where(clear, down, 0), np.where(clear, along, 0)
    line = _best_line(down, along)
    if line is None:
        return None
    path = _path(down, along, *line)
    corners = np.array([[-1.0, -1.0], [path[0, 0], -1.0], *path, [-1.0, path[-1, 1]]])
    return np.asarray((corners + 0.5) / (size[0] / image.shape[1], scale) - 0.5, dtype=np.float64)


def _best_line(down: NDArray[Any], along: NDArray[Any]) -> tuple[float, float] | None:
    """(a, b): the edge's line from (a, 0) at the top to (0, b) at the chest wall."""
    height, width = down.shape
    a, b = (values.ravel() for values in np.meshgrid(_TOP * width, _WALL * height))
    likely = (a / b > _SLOPES[0]) & (a / b < _SLOPES[1])
    a, b = a[likely], b[likely]
    t = np.linspace(0, 1, _POINTS)
    steps = _steps(down, along, a[:, None] * (1 - t), b[:, None] * t, a[:, None], b[:, None])  # (lines, points)
    scores = steps.clip(-_STEEPEST, _STEEPEST).mean(axis=1)
    best = int(np.argmax(scores))
    return (float(a[best]), float(b[best])) if scores[best] >= _LEAST else None


def _path(down: NDArray[Any], along: NDArray[Any], a: float, b: float) -> NDArray[np.float64]:
    """The edge beside the line from (a, 0) to (0, b): (points, 2) xy, by dynamic programming over sideways offsets."""
    t = np.linspace(0, 1, 2 * _POINTS)
    offsets = np.arange(-_REACH, _REACH + 1)
    normal = np.array([b, a]) / np.hypot(a, b)
    x = (a * (1 - t))[:, None] + offsets * normal[0]  # (points, offsets)
    y = (b * t)[:, None] + offsets * normal[1]
    gain = _steps(down, along, x, y, np.array(a), np.array(b)).clip(-_STEEPEST, _STEEPEST) / _STEEPEST
    total, came = gain[0], np.zeros(gain.shape, dtype=np.int64)
    for point in range(1, len(t)):
        # From the offset below, the same and the one above.
        ways = np.stack([np.r_[-np.inf, total[:-1]] - _BEND, total, np.r_[total[1:], -np.inf] - _BEND])
        best = ways.argmax(axis=0)
        came[point] = best - 1
        total = ways.max(axis=0) + gain[point]
    place = int(np.argmax(total))
    places = np.empty(len(t), dtype=np.int64)
    for point in range(len(t) - 1, -1, -1):
        places[point] = place
        place += int(came[point, place])
    rows = np.arange(len(t))
    return np.stack([x[rows, places], y[rows, places]], axis=1)


def _steps(
    down: NDArray[Any], along: NDArray[Any], x: NDArray[Any], y: NDArray[Any], a: NDArray[Any], b: NDArray[Any]
) -> NDArray[np.float64]:
    """How much darker it gets per px across the line from (a, 0) to (0, b), at points of any shape; 0 outside."""
    at = np.stack([y, x])
    across = b * map_coordinates(along, at, order=1) + a * map_coordinates(down, at, order=1)
    return np.asarray(-across / np.hypot(a, b), dtype=np.float64)
