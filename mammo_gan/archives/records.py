"""What is known of a mammogram, however its archive is laid out.

Lengths are in pixels of the stored image unless a name says mm. Boxes are half-open: a box covers the
columns x0..x1-1 and the rows y0..y1-1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

View = Literal["CC", "MLO"]
Laterality = Literal["L", "R"]
Density = Literal["A", "B", "C", "D"]
LesionKind = Literal["mass", "calcification", "distortion", "asymmetry", "other"]
Pathology = Literal["malignant", "benign", "unknown"]
Source = Literal["disk", "phantom", "synthetic"]
Extent = Literal["mammogram", "patch"]
SplitName = Literal["train", "val", "test"]
Shown = Literal["implant", "clip", "foreign body"]


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle, xyxy in pixels of the stored image."""

    x0: int
    y0: int
    x1: int
    y1: int

    def __post_init__(self) -> None:
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise ValueError(f"box is empty: {self}")

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One annotated finding.

    `number` is what the archive's reader needs to draw the lesion's mask again (the abnormality's number in
    an overlay, a row of a table); `box` is None where the archive gives no position.
    """

    number: int
    kind: LesionKind
    pathology: Pathology
    box: Box | None
    description: str = ""
    assessment: int | None = None
    has_mask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a synthetic image comes from, enough to check leaks and to draw it again."""

    generator: str  # sha256 of the generator's weights
    parent: str  # image key of the real image that lent the context
    mask_parent: str  # image key of the real image that lent the mask
    trained_on: SplitName
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How a digital image was taken, as its header or table says (alyafi2019_dcgan, Table 2)."""

    manufacturer: str | None = None
    model: str | None = None
    tube_current: float | None = None  # mA
    magnification: float | None = None
    for_presentation: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mammogram:
    """One image of an archive and all that is known of it.

    `image` is the file's path relative to the archive's root (posix) and names the image within its archive.
    `patient` is the archive's own identifier and never leaves the index: everything behind it uses keyed
    hashes (`identity.keyed_hash`). Unknown is None, never a guess.
    """

    archive: str
    source: Source
    image: str
    patient: str
    height: int
    width: int
    bits: int
    view: View | None = None
    laterality: Laterality | None = None
    density: Density | None = None
    tissue: str | None = None  # the archive's own density scale where it isn't A to D (MIAS: F, G, D)
    scanner: str | None = None
    age: int | None = None
    mm_per_px: float | None = None
    study: str | None = None  # the archive's own name of the visit; leaves the index as little as `patient` does
    acquisition: Acquisition | None = None
    shows: tuple[Shown, ...] | None = None  # what hides tissue; None where the archive doesn't say
    lesions: tuple[Lesion, ...] = field(default=())
    extent: Extent = "mammogram"
    split: SplitName | None = None  # only where the archive or a stage has fixed it
    origin: Origin | None = None
