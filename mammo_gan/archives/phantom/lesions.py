"""What all lesions of the phantom share: how they are drawn onto the film's pixels, and their exact masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.grid import Grid

FindingKind = Literal["mass", "calcification"]
FindingPathology = Literal["benign", "malignant"]

_FINE = 0.12  # mm; lesions are drawn on pixels at most so large and averaged over the film's
_FAINTEST = 0.04  # of the lesion's peak; what is fainter at its rim is left off, so that the mask is what was added


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A lesion as both views of its breast show it, in the words of DDSM's overlays."""

    kind: FindingKind
    pathology: FindingPathology
    lesion_type: str  # "MASS SHAPE OVAL MARGINS CIRCUMSCRIBED"
    radius: float  # mm, without spicules
    conspicuity: float  # factor on what it attenuates, about 1
    assessment: int  # BI-RADS, 2 to 5
    subtlety: int  # 1 = subtle ... 5 = obvious

    @property
    def extent(self) -> float:
        """mm from the centre within which the whole lesion lies, its spicules included."""
        return self.radius * (2.2 if self.kind == "mass" else 1.3) + 1.0


@dataclass(frozen=True, slots=True)
class Lesion:
    """What a lesion adds to a film.

    attenuation: (H, W) float32, natural logarithm, 0 outside the mask
    mask:        (H, W) bool, one connected region without holes, which one chain code describes
    """

    attenuation: NDArray[np.float32]
    mask: NDArray[np.bool_]


class Window:
    """Fine pixels about a lesion, in line with the film's, so that averaging them gives the film's pixels.

    `x` and `y`, (1, w) and (h, 1) float32, are mm from the lesion's centre.
    """

    def __init__(self, centre: tuple[float, float], extent: float, grid: Grid) -> None:
        self._grid = grid
        self._factor = int(np.ceil(grid.mm_per_px / _FINE))
        (left, right), (top, bottom) = (
            (
                max(int((middle - extent) / grid.mm_per_px) - 1, 0),
                min(int((middle + extent) / grid.mm_per_px) + 2, size),
            )
            for middle, size in zip(centre, (grid.width, grid.height), strict=True)
        )
        self._place = slice(top, bottom), slice(left, right)
        step = grid.mm_per_px / self._factor
        self.x = self._centres(left, right, step, centre[0])[None, :]
        self.y = self._centres(top, bottom, step, centre[1])[:, None]

    def _centres(self, first: int, end: int, step: float, middle: float) -> NDArray[np.float32]:
        return np.asarray((np.arange(first * self._factor, end * self._factor) + 0.5) * step - middle, dtype=np.float32)

    def averaged(self, fine: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w) on the fine pixels -> (H, W) on the film's, 0 outside the window."""
        rows, columns = fine.shape[0] // self._factor, fine.shape[1] // self._factor
        film = np.zeros((self._grid.height, self._grid.width), dtype=np.float32)
        film[self._place] = fine.reshape(rows, self._factor, columns, self._factor).mean(axis=(1, 3))
        return film


def whole(attenuation: NDArray[np.float32], allowed: NDArray[np.bool_]) -> Lesion:
    """The lesion as one region: without its faintest rim, loose specks and what lies outside `allowed`.

    Gaps that it encloses, between spicules say, are filled with its faintest attenuation.

    Raises:
        ValueError: nothing of it lies within `allowed`.
    """
    faintest = _FAINTEST * float(attenuation.max())
    support = ((attenuation > faintest) & allowed).astype(np.uint8)
    if not support.any():
        raise ValueError("nothing of the lesion lies where it is allowed")
    _, parts = cv2.connectedComponents(support, connectivity=8)
    mask = filled(parts == parts.flat[int(np.argmax(np.where(support > 0, attenuation, -1)))])
    return Lesion(np.where(mask, np.maximum(attenuation, faintest), 0).astype(np.float32), mask)


def filled(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) bool: a region with its holes."""
    outlines, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(region.shape, dtype=np.uint8)
    return np.asarray(cv2.drawContours(canvas, outlines, -1, 1, thickness=cv2.FILLED) > 0)
