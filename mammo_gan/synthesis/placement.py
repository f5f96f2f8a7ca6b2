"""Where on a mammogram a patch with a mass goes (shen2021, 4.3), the chest wall at the left border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.imaging.geometry import Xyxy

Rule = Literal["breast", "paper"]


class NoRoomError(UserError):
    """No position on this image fits the rule: take another image, or another size."""


class _Corners(NamedTuple):
    """Upper left corners that the paper's rule allows: first and last column, first and last row."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def number(self) -> int:
        return max(0, self.right - self.left + 1) * max(0, self.bottom - self.top + 1)


@dataclass(frozen=True, slots=True)
class Placement:
    """Draws a patch's place: X ~ U(w/10, w/2) and Y ~ U(h/4, 3h/4), w and h the image's width and height.

    # Assumption: (X, Y) is the patch's upper left corner, in whole pixels. "Abscissa X and ordinate Y of the breast
    # tissue patch" could name its centre too, but then a patch wider than w/5 could begin beyond the chest wall.
    # Assumption: a patch that would leave the image is drawn again; no pixel is invented.
    # Deviation: the rule `breast` also asks that the patch is breast and touches neither a lesion nor an earlier
    # insertion. The paper's rule alone, `paper`, lays masses on film beside a narrow breast, and on each other.

    Every position that passes is as probable as every other, whichever way it was found.

    Args:
        rule: breast, or the paper's alone.
        least_breast: the share of the patch that is breast, in [0, 1]; of `breast` alone.
        tries: positions drawn before all that pass are counted out; of `breast` alone.
    """

    rule: Rule = "breast"
    least_breast: float = 0.95
    across: tuple[float, float] = (1 / 10, 1 / 2)  # of the image's width
    down: tuple[float, float] = (1 / 4, 3 / 4)  # of its height
    tries: int = 100

    def __post_init__(self) -> None:
        ordered = all(0 <= low <= high <= 1 for low, high in (self.across, self.down))
        if self.rule not in ("breast", "paper") or not ordered or not 0 <= self.least_breast <= 1 or self.tries < 0:
            raise ValueError(f"expected the rule breast or paper, shares in [0, 1] and tries from 0, got {self}")

    def draw(
        self, breast: NDArray[np.bool_], size: tuple[int, int], taken: Sequence[Xyxy], rng: np.random.Generator
    ) -> Xyxy:
        """The window of a patch of `size`, half-open, px of the image.

        Args:
            breast: (H, W) bool, the chest wall at the left border.
            size: (height, width) of the patch, px.
            taken: boxes that the patch shall share no pixel with: lesions, and windows of earlier insertions.

        Raises:
            NoRoomError: no position passes.
        """
        height, width = size
        corners = self._corners(breast.shape, size)
        if not corners.number:
            raise NoRoomError(f"{_tells(breast, size)}: by X ~ {self.across} and Y ~ {self.down} it leaves the image")
        for _ in range(1 if self.rule == "paper" else self.tries):
            x = int(rng.integers(corners.left, corners.right + 1))
            y = int(rng.integers(corners.top, corners.bottom + 1))
            window = (x, y, x + width, y + height)
            if self.rule == "paper" or self._passes(breast, window, taken):
                return window
        x, y = self._searched(breast, size, corners, taken, rng)
        return x, y, x + width, y + height

    def _corners(self, shape: tuple[int, ...], size: tuple[int, int]) -> _Corners:
        return _Corners(
            ceil(self.across[0] * shape[1]),
            min(floor(self.across[1] * shape[1]), shape[1] - size[1]),
            ceil(self.down[0] * shape[0]),
            min(floor(self.down[1] * shape[0]), shape[0] - size[0]),
        )

    def _passes(self, breast: NDArray[np.bool_], window: Xyxy, taken: Sequence[Xyxy]) -> bool:
        x0, y0, x1, y1 = window
        if any(x0 < right and left < x1 and y0 < lower and upper < y1 for left, upper, right, lower in taken):
            return False
        return bool(np.count_nonzero(breast[y0:y1, x0:x1]) >= self.least_breast * (x1 - x0) * (y1 - y0))

    def _searched(
        self,
        breast: NDArray[np.bool_],
        size: tuple[int, int],
        corners: _Corners,
        taken: Sequence[Xyxy],
        rng: np.random.Generator,
    ) -> tuple[int, int]:
        """One of all positions that pass: x, y."""
        height, width = size
        crop = breast[corners.top : corners.bottom + height, corners.left : corners.right + width]
        integral = cv2.integral(np.ascontiguousarray(crop).view(np.uint8))  # (rows + height, columns + width) int32
        covered = integral[height:, width:] - integral[:-height, width:]
        covered -= integral[height:, :-width] - integral[:-height, :-width]  # (rows, columns)
        passing = covered >= self.least_breast * height * width
        on_breast = int(np.count_nonzero(passing))
        for x0, y0, x1, y1 in taken:
            rows = slice(max(0, y0 - height + 1 - corners.top), max(0, y1 - corners.top))
            columns = slice(max(0, x0 - width + 1 - corners.left), max(0, x1 - corners.left))
            passing[rows, columns] = False
        positions = np.flatnonzero(passing)
        if not positions.size:
            raise NoRoomError(
                f"{_tells(breast, size)}: of {corners.number} positions, {on_breast} hold {self.least_breast:.0%} "
                f"breast, and none of these is free of the {len(taken)} boxes of lesions and earlier insertions"
            )
        row, column = divmod(int(rng.choice(positions)), passing.shape[1])
        return corners.left + column, corners.top + row


def _tells(breast: NDArray[np.bool_], size: tuple[int, int]) -> str:
    return f"no place for a patch of {size[0]} x {size[1]} px on an image of {breast.shape[0]} x {breast.shape[1]} px"
