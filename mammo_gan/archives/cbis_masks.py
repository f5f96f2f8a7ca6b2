"""A lesion's mask in CBIS-DDSM: which of a folder's files it is, and how it comes to its film's size.

A lesion's folder holds the mask and a crop of the film, in either order and under names that are exchanged in part of
the archive, so that the pixels decide. Sizes, as others report them (https://github.com/fjeg/ddsm_tools/issues/5): some
masks have 0.87 of their film's height and width, and sides in a proportion that differs by up to 0.6 percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import ImageError, UserError
from mammo_gan.imaging.dicom import read_dicom

_STRETCH = 0.02


def of_one_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two (height, width) can be of one film, digitised or cut at another size.

    Assumption: sides in one proportion up to 2 percent. What is further off was drawn on another picture.
    """
    proportion = size[0] * other[1] / (size[1] * other[0])
    return bool(abs(proportion - 1) <= _STRETCH)


def named_otherwise(
    files: Sequence[str], sizes: Sequence[tuple[int, int]], film: tuple[int, int], mask_last: bool | None
) -> bool:
    """Whether mask and crop go under each other's names, which nobody but a user's own scripts need to know.

    False where names or sizes don't tell. The mask itself is chosen by its pixels.

    Args:
        files: of a lesion's folder.
        sizes: their (height, width); that of the film's shape is taken for the mask.
        film: the film's size.
        mask_last: whether the table names the mask's file behind the crop's.
    """
    shaped = [of_one_shape(size, film) for size in sizes]
    if len(files) != 2 or sum(shaped) != 1:
        return False
    crops = ["cropped" in PurePosixPath(file).parent.as_posix().lower() for file in files]
    if sum(crops) == 1:  # newer downloads name a series' folder
        return crops[shaped.index(True)]
    names = [PurePosixPath(file).name for file in files]
    if mask_last is None or names[0] == names[1]:
        return False
    # Files are numbered anew in newer downloads (1-1.dcm for 000000.dcm), in the order that they had.
    named = names.index(max(names) if mask_last else min(names))
    return not shaped[named]


def read_drawn(files: Sequence[Path]) -> NDArray[np.bool_]:
    """(h, w) bool at its own size: the one file of two values, 0 and another.

    Raises:
        UserError: a file can't be read, or none or several of them are such a mask.
    """
    masks = [mask for mask in map(_two_valued, files) if mask is not None]
    if len(masks) != 1:
        names = ", ".join(str(file) for file in files) or "no DICOM file"
        raise UserError(f"expected one mask of two values, found {len(masks)} in {names}; download the folder again")
    return masks[0]


def fitted(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """The mask at its film's size, (height, width) bool, by its nearest neighbours where its own is another.

    Raises:
        UserError: the mask is of another shape than the film.
    """
    own = (mask.shape[0], mask.shape[1])
    if own == (height, width):
        return mask
    if not of_one_shape(own, (height, width)):
        raise ImageError(
            f"expected a mask in the proportion of {height} x {width} px, found {own[0]} x {own[1]}",
            "{} of another size",
        )
    return mask[np.ix_(_nearest(own[0], height), _nearest(own[1], width))]


def _nearest(own: int, wanted: int) -> NDArray[np.intp]:
    """Of each of `wanted` places the one of `own` whose centre is nearest."""
    return np.floor((np.arange(wanted) + 0.5) * own / wanted).astype(np.intp)


def _two_valued(file: Path) -> NDArray[np.bool_] | None:
    pixels = read_dicom(file)
    drawn = pixels != 0
    highest = pixels.max()
    return drawn if 0 < np.count_nonzero(drawn) == np.count_nonzero(pixels == highest) < pixels.size else None
