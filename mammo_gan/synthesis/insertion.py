"""A mass in a whole mammogram (shen2021, 3.1 and 4.3), and all that is needed to insert it again.

A tissue patch is taken out of a mammogram, a generator infills a mask in it, and "the breast tissue patch at original
position is replaced by the generated mass patch". Each pixel outside the patch stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box
from mammo_gan.errors import UserError
from mammo_gan.imaging.feather import feathered
from mammo_gan.imaging.geometry import Xyxy, mask_box, resize_image, resize_mask
from mammo_gan.imaging.grey_range import GreyRange
from mammo_gan.imaging.orientation import mirrored, mirrored_box

Paste = Literal["whole", "mask_and_margin"]
Infill = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]]
"""tissue (S, S) float32 in [0, 1], mask (S, S) bool -> (S, S) float32 in [0, 1].

A function of its arguments: what noise it draws it seeds by them, or no insertion could be made again.
"""
MaskSource = Callable[[np.random.Generator], NDArray[np.bool_]]
"""A mask on its patch, (H, W) bool of any size, drawn from the random generator alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """One insertion, so that it can be made again. Boxes are px of the stored image."""

    seed: int  # of the mask
    window: Box  # the patch
    lesion: Box  # around the mask as it is written
    mirror: bool  # the stored image has its chest wall at the right border
    low: int  # the grey values of the stored image that were 0 and 1 to the generator
    high: int
    tissue: int  # CRC-32 of the patch before the insertion, its chest wall at the left
    size: int  # px, side of the generator's patch
    paste: Paste
    margin_scale: float  # of the margin that is pasted with the mask

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Insertion:
        """From `dataclasses.asdict`, also as it comes back from JSON."""
        return cls(**(fields | {name: Box(**fields[name]) for name in ("window", "lesion")}))


@dataclass(frozen=True, slots=True)
class Inserted:
    """A mammogram with its insertions, all as the image is stored.

    image: (H, W) of the parent's type. masks: of each insertion (h, w) bool, px of its window.
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    insertions: tuple[Insertion, ...]
    masks: tuple[NDArray[np.bool_], ...]

    def mask(self, number: int) -> NDArray[np.bool_]:
        """The mask of one insertion on the whole image: (H, W) bool."""
        window, whole = self.insertions[number].window, np.zeros(self.image.shape, dtype=bool)
        whole[window.y0 : window.y1, window.x0 : window.x1] = self.masks[number]
        return whole


class Infilled(NamedTuple):
    """What infilling a window has found, as in `Insertion`. lesion: on the left-oriented image; mask: (h, w) bool."""

    lesion: Xyxy
    grey: GreyRange
    tissue: int
    mask: NDArray[np.bool_]


def infill_window(
    image: NDArray[Any],
    window: Xyxy,
    infill: Infill,
    masks: MaskSource,
    *,
    seed: int,
    size: int,
    paste: Paste,
    margin_scale: float,
) -> Infilled:
    """Change the window's pixels of a left-oriented image (H, W) in place.

    # Assumption: the patch's own darkest and brightest value are 0 and 1 to the generator, and its output comes back by
    # the same affine map. The paper doesn't say how a patch's grey values meet the generator's range.
    # Assumption: the patch is resized to the generator's size and back, each side by its own factor, as the patches are
    # that it learnt from (4.1).

    Args:
        paste: whole = the patch is replaced (the paper); mask_and_margin = the mask is, its margin fades into the
            tissue (`imaging.feather`), and the rest stays as it was (not in the paper).

    Raises:
        ValueError: a mask without a lesion, or an output that is no patch of finite values.
    """
    x0, y0, x1, y1 = window
    patch, side = image[y0:y1, x0:x1], (size, size)
    mask = masks(np.random.default_rng(seed))
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"expected a mask (H, W) of bool, got {mask.shape} of {mask.dtype}")
    mask = resize_mask(mask, side)
    written = resize_mask(mask, patch.shape)
    box = mask_box(written)
    if box is None:
        raise ValueError("expected a mask with a lesion, got an empty one")
    grey, tissue = GreyRange.of(patch), crc32(patch.tobytes())
    made = np.asarray(infill(resize_image(grey.to_unit(patch), side), mask), dtype=np.float32)
    if made.shape != side or not np.isfinite(made).all():
        raise ValueError(f"expected {side} finite values of the generator, got an array of {made.shape}")
    new = grey.from_unit(resize_image(made, patch.shape))
    if paste == "mask_and_margin":
        new = patch + feathered(written, margin_scale) * (new - patch)  # where the weight is 0, the very same number
    patch[:] = np.rint(new).astype(patch.dtype)
    return Infilled((box[0] + x0, box[1] + y0, box[2] + x0, box[3] + y0), grey, tissue, written)


def replay(image: NDArray[Any], insertions: Sequence[Insertion], infill: Infill, masks: MaskSource) -> Inserted:
    """The same insertions again, bit for bit, given the same image, generator and source of masks.

    Args:
        image: (H, W) uint8 or uint16, without the insertions. It is left as it is.

    Raises:
        UserError: the image or the masks aren't those that the insertions were made with.
    """
    stored, width, written = image.copy(), image.shape[1], []
    for made in insertions:
        if made.window.x1 > width or made.window.y1 > len(image):
            raise UserError(f"an image of {len(image)} x {width} px: expected one that holds {made.window}")
        left = mirrored(stored, made.mirror)
        again = infill_window(
            left,
            mirrored_box(xyxy(made.window), width, made.mirror),
            infill,
            masks,
            seed=made.seed,
            size=made.size,
            paste=made.paste,
            margin_scale=made.margin_scale,
        )
        lesion = Box(*mirrored_box(again.lesion, width, made.mirror))
        if lesion != made.lesion or again.tissue != made.tissue:
            raise UserError(
                f"an insertion at {made.window}: expected a lesion at {made.lesion} in tissue of CRC-32 {made.tissue}, "
                f"found {lesion} in {again.tissue}; give the image and the source of masks that it was made with"
            )
        stored = mirrored(left, made.mirror)
        written.append(mirrored(again.mask, made.mirror))
    return Inserted(stored, tuple(insertions), tuple(written))


def xyxy(box: Box) -> Xyxy:
    """A record's box as the functions of `imaging` take it."""
    return box.x0, box.y0, box.x1, box.y1
