"""What a mammogram can lend to a set of patches: for each lesion, and for its healthy tissue, the allowed positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Mammogram
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.resized import Area, Resized
from mammo_gan.imaging.patches import breast_share, covered_pixels, holding_box

Content = Literal["malignant", "benign", "lesion-free"]
CONTENTS: tuple[Content, ...] = get_args(Content)
# wu2018, 3.1: "non-malignant patches contain both benign and non-lesion patches".
LABEL_OF: dict[Content, int] = {"malignant": MALIGNANT, "benign": NON_MALIGNANT, "lesion-free": NON_MALIGNANT}

NO_OUTLINE = "its outline is not known"
TOO_LARGE = "larger than a patch"
BESIDE_BREAST = "most of it lies beside the breast"  # MIAS has such circles
NO_POSITION = "no patch around it is inside the image, is breast enough and keeps clear of lesions of other pathology"
UNKNOWN = "neither malignant nor benign"


@dataclass(frozen=True, slots=True)
class Lender:
    """One source of patches in a mammogram: a lesion, or all that is free of lesions (`lesion` is None).

    `lesion` counts in the record's lesions; `allowed` is a map of corner positions as in `imaging.patches`.
    """

    content: Content
    lesion: int | None
    allowed: NDArray[np.bool_]

    @property
    def capacity(self) -> int:
        """The number of different patches that it can lend."""
        return int(np.count_nonzero(self.allowed))


def lenders(
    mammogram: Mammogram, resized: Resized, size: int, min_breast_share: float
) -> tuple[list[Lender], dict[str, int]]:
    """Everything that `mammogram` can lend in patches of `size` px, and its lesions that lend none, by reason.

    All patches are breast by more than `min_breast_share` (wu2018, 3.1: 75 %).

    # Assumption: wu2018 doesn't say how patches lie. Ours hold the lesion's box whole with a rim of one pixel, so that
    # the generator sees context on all sides; every such position is as likely as any other.
    # Assumption: one patch, one pathology. A patch around a lesion touches none of another pathology, and a
    # lesion-free patch touches none at all; the mask is that of the one lesion.
    # Assumption: a lesion that lies beside the breast by more than half is misplaced in the archive and lends nothing.
    """
    enough_breast = breast_share(resized.breast, size) > min_breast_share
    found, skipped = [], dict[str, int]()
    for number in range(len(mammogram.lesions)):
        lent = _around_lesion(number, mammogram, resized, size, enough_breast)
        if isinstance(lent, Lender):
            found.append(lent)
        else:
            skipped[lent] = skipped.get(lent, 0) + 1
    healthy = Lender("lesion-free", None, enough_breast & _clear_of(resized.areas, resized.breast.shape, size))
    if healthy.capacity:
        found.append(healthy)
    return found, skipped


def _around_lesion(
    number: int, mammogram: Mammogram, resized: Resized, size: int, enough_breast: NDArray[np.bool_]
) -> Lender | str:
    """The patches around one lesion, or why there is none."""
    lesion, area = mammogram.lesions[number], resized.areas[number]
    if lesion.pathology == "unknown":
        return UNKNOWN
    if area is None or not area.outlined:
        return NO_OUTLINE
    x0, y0, x1, y1 = area.box
    if max(area.mask.shape) + 2 > size:
        return TOO_LARGE
    if resized.breast[y0:y1, x0:x1][area.mask].mean() < 0.5:
        return BESIDE_BREAST
    others = [
        other
        for neighbour, other in zip(mammogram.lesions, resized.areas, strict=True)
        if neighbour.pathology != lesion.pathology
    ]
    shape = resized.breast.shape
    allowed = enough_breast & holding_box(area.box, shape, size) & _clear_of(others, shape, size)
    lender = Lender(lesion.pathology, number, allowed)
    return lender if lender.capacity else NO_POSITION


def _clear_of(areas: Sequence[Area | None], shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """Positions that touch no pixel of `areas`; none at all if one of them lies nobody knows where."""
    taken = np.zeros(shape, dtype=bool)
    for area in areas:
        if area is None:
            taken[:] = True
            break
        x0, y0, x1, y1 = area.box
        taken[y0:y1, x0:x1] |= area.mask
    return np.asarray(covered_pixels(taken, size) == 0)
