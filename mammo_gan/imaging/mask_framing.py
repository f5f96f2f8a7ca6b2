"""A lesion's mask in a frame of its own, as a generator of masks sees it (shen2021_trilabel, 4.1 and 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import mask_box, resize_mask
from mammo_gan.imaging.lesion_patches import PADDING

SIZE = 64  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFrame:
    """How a mask is framed.

    # Assumption: shen2021 gives no resolution of its mask GAN's frames: ours have 64x64 px. They show what a patch of
    # the infilling GAN does, the lesion's box and 100 px around it, so that the lesion takes the same share of both.
    # Deviation: the paper scales each side of a patch by its own factor (4.1); our frames are square windows, unless
    # `keep_aspect` is false, so that a long lesion stays long.

    Args:
        size: side of the frame, px.
        padding: px of the full image between the lesion's box and the frame: on its two nearer sides if `keep_aspect`,
            on all four otherwise.
        keep_aspect: both sides are scaled alike.

    Raises:
        ValueError: a size below 3 px, or a padding that is negative.
    """

    size: int = SIZE
    padding: float = PADDING
    keep_aspect: bool = True

    def __post_init__(self) -> None:
        if self.size < 3 or self.padding < 0:
            raise ValueError(f"a frame has 3 px or more and a padding of 0 or more, got {self.size} and {self.padding}")

    def of(self, mask: NDArray[np.bool_], scale: float = 1.0) -> NDArray[np.bool_]:
        """(H, W) bool, one whole lesion -> (size, size) bool, the lesion's box in the middle.

        The frame may reach beyond the mask's own patch: there the lesion isn't.

        Args:
            scale: px of the mask per px of the full image.

        Raises:
            ValueError: an empty mask.
        """
        box = mask_box(mask)
        if box is None:
            raise ValueError("expected a mask with a lesion, got an empty one")
        x0, y0, x1, y1 = box
        height, width = y1 - y0, x1 - x0
        if self.keep_aspect:
            height = width = max(height, width)
        rim = round(self.padding * scale)
        window = np.zeros((height + 2 * rim, width + 2 * rim), dtype=bool)
        top, left = (window.shape[0] - (y1 - y0)) // 2, (window.shape[1] - (x1 - x0)) // 2
        window[top : top + y1 - y0, left : left + x1 - x0] = mask[y0:y1, x0:x1]
        return resize_mask(window, (self.size, self.size))
