"""Is an image what its record says? Decided by decoding it and its masks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.errors import ImageError, UserError
from mammo_gan.imaging.breast_mask import breast_mask


@dataclass(frozen=True, slots=True)
class Sound:
    """An image that is what its record says.

    record:  boxes filled in from masks where they were unknown
    pixels:  digest of the image's pixels
    outside: numbers of the lesions whose boxes cover no pixel of the breast
    """

    record: Mammogram
    pixels: str
    outside: tuple[int, ...]


def verify(reader: Reader, root: Path, mammogram: Mammogram) -> Sound | tuple[Fault, ...]:
    """Decode an image and its masks.

    Returns:
        What was found, or all that is wrong with its files.

    `UserError` alone becomes a fault: whatever else is raised is a mistake in the program and goes through.
    """
    pixels, faults = _read(reader, root, mammogram)
    lesions: list[Lesion] = []
    for lesion in mammogram.lesions:
        checked = _lesion(reader, root, mammogram, lesion)
        if isinstance(checked, Fault):
            faults.append(checked)
        else:
            lesions.append(checked)
    if faults or pixels is None:
        return tuple(faults)
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()[:16]
    # A patch that shows nothing but tissue has no background to tell the breast from.
    outside = _outside_breast(pixels, lesions) if mammogram.extent == "mammogram" else ()
    return Sound(replace(mammogram, lesions=tuple(lesions)), digest, outside)


def _read(reader: Reader, root: Path, mammogram: Mammogram) -> tuple[NDArray[np.generic] | None, list[Fault]]:
    """The pixels, unless something is wrong with them."""
    size = _size((mammogram.height, mammogram.width))
    try:
        pixels = reader.pixels(root, mammogram)
    except UserError as error:
        advice = "fetch the file again or leave it out"
        expected = f"a readable image of {size}"
        problem = error.fault.format("image") if isinstance(error, ImageError) else "unreadable image"
        return None, [Fault(mammogram.image, problem, expected, told(error, root), advice)]
    if pixels.shape != (mammogram.height, mammogram.width):
        advice = "fetch image and description again"
        return None, [Fault(mammogram.image, "image of another size", size, _size(pixels.shape), advice)]
    if pixels.min() == pixels.max():
        found = f"the value {pixels.min()} in all pixels"
        return None, [Fault(mammogram.image, "empty image", "an image of several grey levels", found, "fetch it again")]
    return pixels, []


def _outside_breast(pixels: NDArray[np.generic], lesions: Sequence[Lesion]) -> tuple[int, ...]:
    boxes = {lesion.number: lesion.box for lesion in lesions if lesion.box is not None}
    if not boxes:
        return ()
    breast = breast_mask(pixels)
    return tuple(number for number, box in boxes.items() if not breast[box.y0 : box.y1, box.x0 : box.x1].any())


def _lesion(reader: Reader, root: Path, mammogram: Mammogram, lesion: Lesion) -> Lesion | Fault:
    box, size = lesion.box, _size((mammogram.height, mammogram.width))
    what = f"lesion {lesion.number}"
    inside = box is None or (min(box.x0, box.y0) >= 0 and box.x1 <= mammogram.width and box.y1 <= mammogram.height)
    if box is not None and not inside:
        found = f"columns {box.x0} to {box.x1 - 1}, rows {box.y0} to {box.y1 - 1}"
        expected = f"the box of {what} within {size}"
        return Fault(mammogram.image, "box outside the image", expected, found, "correct the box")
    if not lesion.has_mask:
        return lesion
    try:
        mask = reader.mask(root, mammogram, lesion)
    except UserError as error:
        problem = error.fault.format("mask") if isinstance(error, ImageError) else "unusable mask"
        expected, advice = f"a mask of {what} of {size}", "save the mask again or leave it out"
        return Fault(mammogram.image, problem, expected, told(error, root), advice)
    if mask.shape != (mammogram.height, mammogram.width):
        expected, advice = f"a mask of {what} of {size}", "save the mask at the image's size"
        return Fault(mammogram.image, "mask of another size", expected, _size(mask.shape), advice)
    extent = _extent(mask)
    if extent is None:
        return Fault(
            mammogram.image, "empty mask", f"pixels of {what}", "none", "draw the lesion or leave the mask out"
        )
    if box is not None and not _overlap(box, extent):
        advice = "correct the box, columns before rows, or leave it out"
        return Fault(mammogram.image, "box beside its mask", f"{what} about {extent}", str(box), advice)
    return replace(lesion, box=extent) if box is None else lesion


def _extent(mask: NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _overlap(a: Box, b: Box) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape) + " px (height x width)"
