"""A whole mammogram made ready for training: of one size, its grey values stretched, its chest wall at the left."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.data.pyramid import Size
from mammo_gan.errors import UserError
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.fitting import Fit, fit_onto
from mammo_gan.imaging.geometry import Xyxy, resize_image, resize_mask
from mammo_gan.imaging.intensity import stretched
from mammo_gan.imaging.orientation import chest_wall_is_right, mirrored, mirrored_box

Depth = Literal[8, 16]


@dataclass(frozen=True, slots=True)
class WholeImage:
    """image: (H, W) uint8 or uint16 on the canvas; breast: (H, W) bool there.

    `fit` is how the image as stored, or its mirror image if `mirror`, came onto the canvas.
    """

    image: NDArray[Any]
    breast: NDArray[np.bool_]
    fit: Fit
    mirror: bool

    def box(self, box: Xyxy) -> Xyxy:
        """A box of the image as stored on the canvas."""
        return self.fit.box(mirrored_box(box, self.fit.source[1], self.mirror))


def whole_image(
    reader: Reader,
    root: Path,
    mammogram: Mammogram,
    canvas: Size,
    depth: Depth,
    left_oriented: bool,
    breast_alone: bool = False,
) -> WholeImage:
    """Read a mammogram and fit it onto `canvas`, aspect kept (korkinof2019, 2).

    The darkest pixel of the image becomes 0 and the brightest 2**depth - 1, before it is laid on black.

    Args:
        breast_alone: what is beside the breast becomes 0 (film, labels, tape), grey levels are those of the breast, and
            columns before the first one of the breast, or of a lesion, are cut off.

    Raises:
        UserError: the image can't be read, or shows no breast where the breast alone is asked for.
    """
    pixels: NDArray[Any] = reader.pixels(root, mammogram)
    fit = fit_onto(pixels.shape, canvas)
    scaled = resize_image(pixels, fit.shape)
    # An image that was cut out of a mammogram shows tissue from edge to edge.
    breast = np.ones(scaled.shape, dtype=bool) if mammogram.extent == "patch" else breast_mask(scaled)
    mirror = left_oriented and chest_wall_is_right(breast)
    if breast_alone:
        if not breast.any():
            raise UserError(
                f"{mammogram.image}: no breast was found on it, and data.breast_alone blackens all else. Look at the "
                "image: leave it out by a rule of selection.rules, or prepare with data.breast_alone=false"
            )
        first, end = (edge / fit.scale for edge in _columns(mirrored(scaled, mirror), mirrored(breast, mirror)))
        fit = fit_onto(pixels.shape, canvas, _with_lesions(mammogram, mirror, floor(first), ceil(end)))
        if fit.shape != scaled.shape:
            scaled, breast = resize_image(pixels, fit.shape), resize_mask(breast, fit.shape)
        scaled = np.where(breast, scaled, scaled[breast].min())
    laid = Fit(fit.shape, 1.0, fit.shape, fit.canvas, fit.left, fit.top)
    grey = stretched(scaled, depth)
    return WholeImage(laid.image(mirrored(grey, mirror)), laid.mask(mirrored(breast, mirror)), fit, mirror)


def _columns(image: NDArray[Any], breast: NDArray[np.bool_]) -> tuple[int, int]:
    """First and end of the columns that show breast; the film ends before the first, which is as bright as tissue."""
    grey = image.astype(np.float64) - image.min()
    inside = breast.sum(axis=0)
    level = (grey * breast).sum(axis=0) / np.maximum(inside, 1)
    # The mask reaches beyond the edge of a film by its own smoothing, and the first bright column is of film in part.
    first = int(np.argmax(level >= np.median(grey[breast]) / 4))
    end = int(np.flatnonzero(inside)[-1]) + 1
    return (min(first + 1, end - 1) if first else 0), end


def _with_lesions(mammogram: Mammogram, mirror: bool, first: int, end: int) -> tuple[int, int]:
    """Columns `first` to `end`, and those of all lesions; px of the image as stored, or of its mirror image."""
    width = mammogram.width
    boxes = [lesion.box for lesion in mammogram.lesions if lesion.box is not None]
    lesions = [mirrored_box((box.x0, box.y0, box.x1, box.y1), width, mirror) for box in boxes]
    return min(first, *(box[0] for box in lesions), width - 1), min(max(end, *(box[2] for box in lesions), 1), width)
