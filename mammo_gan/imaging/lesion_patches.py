"""Patches around a lesion: its box alone (alyafi2019), or with context on all sides and its mask (shen2021)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Grey, Xyxy, mask_box, resize_image, resize_mask

PADDING = 100  # px of the full image around the mass on each side (shen2021, 4.3)
SIZE = 256  # px, to which the patch is scaled (shen2021, 4.1)


class LesionPatch(NamedTuple):
    """image: (size, size); mask: (size, size) bool; window: what was cut out, half-open, px of the full image."""

    image: NDArray[np.generic]
    mask: NDArray[np.bool_]
    window: Xyxy


def box_between(x1: int, y1: int, x2: int, y2: int) -> Xyxy:
    """The half-open box between two opposite corners that are pixels of it, in either order.

    alyafi2019, 3.3: "the area between (x1, y1) and (x2, y2), including endpoints"; its corners are the top right and
    the bottom left one.
    """
    return min(x1, x2), min(y1, y2), max(x1, x2) + 1, max(y1, y2) + 1


def box_patch(image: NDArray[Grey], box: Xyxy) -> NDArray[Grey]:
    """A lesion's box cut out, in its own size (alyafi2019, Algorithm 1, line 9); what lies outside the image is lost.

    Raises:
        ValueError: no pixel of the box is on the image.
    """
    x0, y0, x1, y1 = padded_window(box, image.shape, 0)
    return image[y0:y1, x0:x1].copy()


def padded_window(box: Xyxy, shape: tuple[int, ...], padding: int) -> Xyxy:
    """`box` with `padding` px on each side, as far as an image of `shape` goes.

    # Assumption: shen2021 doesn't say what happens at the image's border. The window ends there: no pixel is invented.

    Raises:
        ValueError: no pixel of the box is on the image.
    """
    x0, y0, x1, y1 = box
    if min(x1, shape[1]) <= max(x0, 0) or min(y1, shape[0]) <= max(y0, 0):
        raise ValueError(f"the box {box} has no pixel on an image of {shape[0]} x {shape[1]} px")
    return (
        max(x0 - padding, 0),
        max(y0 - padding, 0),
        min(x1 + padding, shape[1]),
        min(y1 + padding, shape[0]),
    )


def lesion_patch(
    image: NDArray[Grey], mask: NDArray[np.bool_], padding: int = PADDING, size: int = SIZE
) -> LesionPatch:
    """A lesion with context, and its mask, both scaled to `size` x `size` px (shen2021, 4.1).

    The sides are scaled each by its own factor, so a long lesion becomes a round one.

    Args:
        image: (H, W).
        mask: (H, W) bool, one lesion.
        padding: px of the full image.

    Raises:
        ValueError: an empty mask, or one of another size than the image.
    """
    if mask.shape != image.shape:
        raise ValueError(f"expected a mask of the image's shape {image.shape}, got {mask.shape}")
    box = mask_box(mask)
    if box is None:
        raise ValueError("expected a mask with a lesion, got an empty one")
    x0, y0, x1, y1 = window = padded_window(box, image.shape, padding)
    return LesionPatch(
        resize_image(image[y0:y1, x0:x1], (size, size)), resize_mask(mask[y0:y1, x0:x1], (size, size)), window
    )
