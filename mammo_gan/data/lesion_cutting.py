"""A mammogram's patches: each lesion's box, and normal tissue by Algorithm 1 (alyafi2019_dcgan, 3.2 to 3.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Lesion, Mammogram, SplitName
from mammo_gan.data.cutting import generator_of
from mammo_gan.data.image_rows import ImageRow, patch_row
from mammo_gan.errors import UserError
from mammo_gan.imaging.breast_mask import breast_mask, nonzero_mask
from mammo_gan.imaging.geometry import Xyxy, mask_box, resize_image
from mammo_gan.imaging.intensity import stretched
from mammo_gan.imaging.lesion_patches import box_patch, padded_window
from mammo_gan.imaging.normal_patches import grey_levels, normal_patches

Breast = Literal["nonzero", "found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRecipe:
    """How patches are made; alyafi2019's numbers stand in conf/data.

    Args:
        size: side of all patches, px. Normal tissue is cut out so large; a lesion's box is scaled to it.
        largest: lesions higher or wider than this, px of the image, are left out.
        min_grey_levels: patches with fewer different grey values, as cut out, are left out.
        normal: patches of normal tissue an image, at most.
        normal_beside_lesions: whether images that show a lesion give normal tissue too.
        breast: what takes part in normal tissue: `nonzero` pixels, or the breast as it is `found` by its outline, which
            is for scanned film, whose background isn't black.
        seed: of the positions of normal tissue, and of the order in which patients enter training sets.

    Raises:
        UserError: a number is out of its range, or there is no such breast.
    """

    size: int
    largest: int
    min_grey_levels: int
    normal: int
    normal_beside_lesions: bool
    breast: Breast
    seed: int

    def __post_init__(self) -> None:
        if min(self.size, self.largest) < 1 or min(self.min_grey_levels, self.normal) < 0:
            raise UserError(
                "data: expected size and largest of 1 px or more, min_grey_levels and normal of 0 or more, found "
                f"{self.size}, {self.largest}, {self.min_grey_levels} and {self.normal}"
            )
        if self.breast not in get_args(Breast):
            raise UserError(f"data.breast: expected {' or '.join(get_args(Breast))}, found {self.breast}")


@dataclass
class Cut:
    """What images gave: patches (size, size) uint8 and a row for each, and how many were left out, by reason."""

    patches: list[NDArray[np.uint8]] = field(default_factory=list)
    rows: list[ImageRow] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, patch: NDArray[np.uint8], row: ImageRow) -> None:
        """One patch more."""
        self.patches.append(patch)
        self.rows.append(row)


def cut_record(
    reader: Reader, root: Path, record: Mammogram, split: SplitName, recipe: LesionRecipe, key: bytes, cut: Cut
) -> None:
    """Add a record's patches to `cut`: its lesions in their order, then normal tissue.

    A record that is a patch itself is taken as it is, one patch, however many lesions it shows.

    Args:
        key: of the hashes of patient and image.

    Raises:
        UserError: the image can't be read.
    """
    pixels: NDArray[Any] = reader.pixels(root, record)
    if record.extent == "patch":
        whole = (0, 0, pixels.shape[1], pixels.shape[0])
        row = patch_row(record, split, whole, recipe.size, record.lesions, 1.0, key)
        cut.add(ready_made(pixels, (recipe.size, recipe.size)), row)
        return
    image = stretched(pixels)
    breast = nonzero_mask(image) if recipe.breast == "nonzero" else breast_mask(image)
    boxes = [_box(reader, root, record, lesion) for lesion in record.lesions]
    for lesion, box in zip(record.lesions, boxes, strict=True):
        reason = _reason_against(box, image, recipe)
        if box is None or reason is not None:
            cut.skipped[reason or _NOWHERE] += 1
            continue
        patch = resize_image(box_patch(image, box), (recipe.size, recipe.size))
        x0, y0, x1, y1 = window = padded_window(box, image.shape, 0)
        share = float(breast[y0:y1, x0:x1].mean())
        cut.add(patch, patch_row(record, split, window, recipe.size, (lesion,), share, key))
    for patch, window in _normal(record, image, breast, boxes, recipe, cut.skipped):
        cut.add(patch, patch_row(record, split, window, recipe.size, (), 1.0, key))


def ready_made(pixels: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A patch that somebody else cut out, (H, W) uint8 or uint16, in 8 bits and `shape`.

    Its grey values are kept: whoever cut it out knew those of the whole image.
    """
    grey = pixels if pixels.dtype == np.uint8 else np.rint(pixels / 257).astype(np.uint8)
    return resize_image(grey, shape)


_NOWHERE = "lesions without a known place"


def _box(reader: Reader, root: Path, record: Mammogram, lesion: Lesion) -> Xyxy | None:
    """The publisher's box, or that of the mask where there is none; half-open, so both end points are inside (3.3)."""
    if lesion.box is not None:
        return lesion.box.x0, lesion.box.y0, lesion.box.x1, lesion.box.y1
    return mask_box(reader.mask(root, record, lesion)) if lesion.has_mask else None


def _reason_against(box: Xyxy | None, image: NDArray[np.uint8], recipe: LesionRecipe) -> str | None:
    if box is None:
        return _NOWHERE
    x0, y0, x1, y1 = box
    if max(x1 - x0, y1 - y0) > recipe.largest:
        return f"lesions more than {recipe.largest} px high or wide"
    if min(x1, image.shape[1]) <= max(x0, 0) or min(y1, image.shape[0]) <= max(y0, 0):
        return "lesions outside their image"
    # Assumption: the paper speaks of normal tissue with a narrow histogram, and then of all patches with fewer than 30
    # grey levels (3.5): it is asked of lesions too.
    if grey_levels(box_patch(image, box)) < recipe.min_grey_levels:
        return f"lesions with fewer than {recipe.min_grey_levels} grey levels"
    return None


def _normal(
    record: Mammogram,
    image: NDArray[np.uint8],
    breast: NDArray[np.bool_],
    boxes: Sequence[Xyxy | None],
    recipe: LesionRecipe,
    skipped: Counter[str],
) -> Iterator[tuple[NDArray[np.uint8], Xyxy]]:
    """Patches of normal tissue and what they show of the image."""
    if not recipe.normal:
        return
    if boxes and not recipe.normal_beside_lesions:
        skipped["images not asked for normal tissue, since they show a lesion"] += 1
        return
    located = [box for box in boxes if box is not None]
    if len(located) < len(boxes):
        skipped["images without normal tissue, since a lesion's place isn't known"] += 1
        return
    rng = generator_of(record, recipe.seed)
    # All of them, to count those that are then left out.
    patches, corners = normal_patches(image, breast, located, rng, recipe.size, recipe.normal, min_grey_levels=0)
    if not len(patches):
        skipped["images without room for a patch of normal tissue"] += 1
    for patch, (x, y) in zip(patches, corners.tolist(), strict=True):
        if grey_levels(patch) < recipe.min_grey_levels:
            skipped[f"patches of normal tissue with fewer than {recipe.min_grey_levels} grey levels"] += 1
        else:
            yield patch, (x, y, x + recipe.size, y + recipe.size)
