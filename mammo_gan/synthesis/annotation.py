"""An annotated synthetic mammogram, and what a writer of such images must do.

A set of them is one folder. The images themselves, as PNG, and the records that other stages read are written as those
of every synthetic set are (`layout`). A writer adds a format of its own beside them, under the same names: `coco` the
boxes and masks as one file, `writing_dicom` each image for viewers. All of them see the images in one pass, one image
in memory at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box, Laterality, View

_KEYED_HASH = re.compile(r"[0-9a-f]{16}|")  # as `archives.identity` makes them; empty where there is no parent
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedLesion:
    """What a detector is to find.

    Args:
        label: its class, such as "mass".
        box: xyxy in px of the image, half-open.
        mask: (H, W) bool of the whole image, not empty and within the box; None where only the box is known.
    """

    label: str
    box: Box
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Annotated:
    """A synthetic mammogram and all that may be said of it: of its parent, nothing but the key.

    Args:
        image: (H, W) uint8 or uint16, dense tissue bright; the type's whole range, black 0 and white 255 or 65535.
        mm_per_px: at the detector or on the film. None where unknown, as are view and laterality.
        parent: key of the real image that lent the context (`archives.identity`), or "" if none did.
        generator: sha256 of the generator's weights.
        seed: of the draw.

    Raises:
        ValueError: one of these is something else; above all, a parent that is no keyed hash.
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    view: View | None = None
    laterality: Laterality | None = None
    mm_per_px: float | None = None
    lesions: tuple[AnnotatedLesion, ...] = ()
    parent: str
    generator: str
    seed: int

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.size == 0 or self.image.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"an image is (H, W) uint8 or uint16, got {self.image.shape} {self.image.dtype}")
        if not _KEYED_HASH.fullmatch(self.parent):  # the text may be a patient's: it isn't repeated here
            raise ValueError("a parent is named by its key, 16 hex digits")
        if not _SHA256.fullmatch(self.generator):
            raise ValueError(f"a generator is named by the sha256 of its weights, got {self.generator!r}")
        for known, may_be in ((self.view, get_args(View)), (self.laterality, get_args(Laterality))):
            if known is not None and known not in may_be:
                raise ValueError(f"expected one of {', '.join(may_be)}, or None where that isn't known")
        if self.mm_per_px is not None and not (math.isfinite(self.mm_per_px) and self.mm_per_px > 0):
            raise ValueError(f"pixels have a size above 0 mm, got {self.mm_per_px}")
        for lesion in self.lesions:
            _check(lesion, *self.image.shape)


class AnnotationWriter(Protocol):
    """One format. `begin` comes first and `finish` last, once each; what stands there before `finish` isn't whole."""

    def begin(self, folder: Path) -> None:
        """Start a set in `folder`, which is the caller's: a new one, renamed when the set is whole."""

    def add(self, image: str, annotated: Annotated) -> None:
        """Write what this format says of one image.

        Args:
            image: its PNG file, relative to the folder (posix), as in its record.
        """

    def finish(self) -> None:
        """Write what can be said only when all images are known."""


def annotating(
    images: Iterable[tuple[str, Annotated]], folder: Path, writers: Sequence[AnnotationWriter]
) -> Iterator[tuple[str, Annotated]]:
    """Passes images on by their files' names, each written by every writer; the set is finished behind the last."""
    for writer in writers:
        writer.begin(folder)
    for name, annotated in images:
        for writer in writers:
            writer.add(name, annotated)
        yield name, annotated
    for writer in writers:
        writer.finish()


def _check(lesion: AnnotatedLesion, height: int, width: int) -> None:
    box, mask = lesion.box, lesion.mask
    if not (0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height):
        raise ValueError(f"a lesion lies within its image of {height} x {width} px, got {box}")
    if mask is None:
        return
    if mask.shape != (height, width) or mask.dtype != np.bool_:
        raise ValueError(f"a lesion's mask is ({height}, {width}) bool as its image, got {mask.shape} {mask.dtype}")
    inside = int(np.count_nonzero(mask[box.y0 : box.y1, box.x0 : box.x1]))
    if not inside or inside != int(np.count_nonzero(mask)):
        raise ValueError(f"a lesion's mask isn't empty and lies within its box {box}; {inside} of its px do")
