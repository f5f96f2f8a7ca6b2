"""Sizes, places and masks drawn for a mammogram, and masses inserted there (shen2021, 4.3).

"The mammogram images with the breast on the right side are flipped" for that, and come back as they lay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.lesion_patches import SIZE
from mammo_gan.imaging.margin import SCALE
from mammo_gan.imaging.orientation import chest_wall_is_right, mirrored, mirrored_box
from mammo_gan.synthesis.insertion import Infill, Inserted, Insertion, MaskSource, Paste, infill_window, xyxy
from mammo_gan.synthesis.lesion_size import LesionSizes
from mammo_gan.synthesis.placement import Placement


@dataclass(frozen=True)
class Inserter:
    """Inserts masses of random size, place and mask.

    Args:
        size: px, side of the generator's patch.
        paste, margin_scale: see `insertion.infill_window`.
    """

    infill: Infill
    masks: MaskSource
    sizes: LesionSizes
    placement: Placement = field(default_factory=Placement)
    size: int = SIZE
    paste: Paste = "whole"
    margin_scale: float = SCALE

    def insert(
        self,
        image: NDArray[Any],
        *,
        seed: int,
        count: int = 1,
        lesions: Sequence[Box] = (),
        mm_per_px: float | None = None,
    ) -> Inserted:
        """`count` masses, one after the other, fewer being the first of more. A mirrored image has them mirrored.

        Args:
            image: (H, W) uint8 or uint16, dense tissue bright. It is left as it is.
            lesions: boxes of what the image shows already.
            mm_per_px: spacing of the image's pixels, for sizes in mm.

        Raises:
            NoRoomError: a mass finds no place.
            UserError: sizes in mm without a spacing.
            ValueError: no image of this kind, or what `insertion.infill_window` refuses.
        """
        if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"expected a mammogram (H, W) of uint8 or uint16, got {image.shape} of {image.dtype}")
        rng, width = np.random.default_rng(seed), image.shape[1]
        left, breast, mirror = _left_oriented(image)
        taken = [mirrored_box(xyxy(box), width, mirror) for box in lesions]
        insertions, masks = [], []
        for _ in range(count):
            mask_seed = int(rng.integers(2**62))  # fits the signed 64 bits of a record
            window = self.placement.draw(breast, self.sizes.draw(rng, mm_per_px), taken, rng)
            taken.append(window)
            how: dict[str, Any] = {
                "seed": mask_seed,
                "size": self.size,
                "paste": self.paste,
                "margin_scale": self.margin_scale,
            }
            infilled = infill_window(left, window, self.infill, self.masks, **how)
            window_stored, lesion = (Box(*mirrored_box(box, width, mirror)) for box in (window, infilled.lesion))
            insertions.append(
                Insertion(
                    window=window_stored,
                    lesion=lesion,
                    mirror=mirror,
                    low=infilled.grey.low,
                    high=infilled.grey.high,
                    tissue=infilled.tissue,
                    **how,
                )
            )
            masks.append(mirrored(infilled.mask, mirror))
        return Inserted(mirrored(left, mirror), tuple(insertions), tuple(masks))


def _left_oriented(image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_], bool]:
    """A copy with its chest wall at the left border, its breast, and whether it was mirrored for that."""
    breast = breast_mask(image)
    mirror = chest_wall_is_right(breast)
    left = mirrored(image, mirror).copy()  # a mirrored view, mirrored again, would be the caller's own pixels
    # The search resamples and isn't symmetrical to the last pixel: sought again, an image and its mirror image agree.
    return left, breast_mask(left) if mirror else breast, mirror
