"""A whole mammogram made ready for training: of one size, its grey values stretched, its chest wall at the left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.data.pyramid import Size
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.fitting import Fit, fit_onto
from mammo_gan.imaging.geometry import Xyxy, resize_image
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
    reader: Reader, root: Path, mammogram: Mammogram, canvas: Size, depth: Depth, left_oriented: bool
) -> WholeImage:
    """Read a mammogram and fit it onto `canvas`, aspect kept (korkinof2019, 2).

    The darkest pixel of the image becomes 0 and the brightest 2**depth - 1, before it is laid on black.
    """
    pixels: NDArray[Any] = reader.pixels(root, mammogram)
    height, width = pixels.shape
    fit = fit_onto((height, width), canvas)
    scaled = resize_image(pixels, fit.shape)
    # An image that was cut out of a mammogram shows tissue from edge to edge.
    breast = np.ones(scaled.shape, dtype=bool) if mammogram.extent == "patch" else breast_mask(scaled)
    mirror = left_oriented and chest_wall_is_right(breast)
    laid = Fit(fit.shape, 1.0, fit.shape, fit.canvas, fit.left, fit.top)
    grey = stretched(scaled, depth)
    return WholeImage(laid.image(mirrored(grey, mirror)), laid.mask(mirrored(breast, mirror)), fit, mirror)
