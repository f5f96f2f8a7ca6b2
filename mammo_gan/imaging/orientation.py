"""Left and right: every breast with its chest wall at the left border, and back as it was.

Mirroring is its own inverse and moves pixels without changing them, so what was turned is turned back exactly.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Xyxy

Pixels = TypeVar("Pixels", bound=np.generic)


def chest_wall_is_right(breast: NDArray[Any]) -> bool:
    """Whether the breast lies against the right border; left where both sides hold the same.

    A breast is widest at the chest wall, so that most of it lies in that half of the image. The record's laterality
    doesn't tell: publishers mirror films, and MIAS stores all of them mirrored.

    Args:
        breast: (H, W), above 0 where there is breast. Better the robust mask than I > 0, which counts labels too.
    """
    columns = np.count_nonzero(breast > 0, axis=0)
    half = len(columns) // 2
    return bool(columns[len(columns) - half :].sum() > columns[:half].sum())


def mirrored(image: NDArray[Pixels], mirror: bool = True) -> NDArray[Pixels]:
    """(H, W) mirrored left to right, if `mirror`; in one piece of memory, as OpenCV and memory maps want it."""
    return np.ascontiguousarray(image[:, ::-1]) if mirror else image


def mirrored_box(box: Xyxy, width: int, mirror: bool = True) -> Xyxy:
    """The same box on the mirrored image of `width` px."""
    x0, y0, x1, y1 = box
    return (width - x1, y0, width - x0, y1) if mirror else box
