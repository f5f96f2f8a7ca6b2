"""Where a film's pixels are, in mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FILM_HEIGHT_MM = 240.0
"""Height of a film of 18 x 24 cm, the smaller of mammography's two formats. Width follows from an image's shape."""


@dataclass(frozen=True)
class Grid:
    """The pixels of a film: `height` x `width` px, square, the film `FILM_HEIGHT_MM` high."""

    height: int
    width: int

    @property
    def mm_per_px(self) -> float:
        return FILM_HEIGHT_MM / self.height

    @property
    def width_mm(self) -> float:
        return self.width * self.mm_per_px

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """(1, W) centres of the columns, mm from the chest wall."""
        return ((np.arange(self.width, dtype=np.float32) + 0.5) * self.mm_per_px)[None, :]

    @cached_property
    def y(self) -> NDArray[np.float32]:
        """(H, 1) centres of the rows, mm from the film's top."""
        return ((np.arange(self.height, dtype=np.float32) + 0.5) * self.mm_per_px)[:, None]
