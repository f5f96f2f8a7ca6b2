"""What is known of a prepared whole image, and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Density, Laterality, Lesion, LesionKind, Mammogram, Pathology, SplitName, View
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.data.whole_images import WholeImage
from mammo_gan.imaging.fitting import Fit
from mammo_gan.imaging.geometry import Xyxy, scaled_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLesion:
    """A lesion of a prepared image; `box` in px of the finest size, None where the archive gives no place."""

    kind: LesionKind
    pathology: Pathology
    box: Xyxy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One prepared image, or a patch of one. Patient and image go by their keyed hashes; unknown is None.

    Boxes and lengths are in px of the finest size. `label` is 1 with a malignant lesion, 0 if it is known that there
    is none, None otherwise. A patch may be scaled each way by its own factor: lengths and `scale` are those along its
    height, and `window` tells those along its width.
    """

    image_key: str
    patient_key: str
    split: SplitName
    label: int | None
    view: View | None
    laterality: Laterality | None  # of the patient; a mirrored image keeps its own
    density: Density | None
    mm_per_px: float | None
    breast_mask_size: float  # share of the image that is breast, 0 to 1 (korkinof2019, 3)
    source_height: int  # px, as stored in the archive
    source_width: int
    mirror: bool  # whether the image was mirrored before it was scaled
    scale: float  # px of the finest size per px as stored
    left: int  # where the scaled image lies on the black canvas, px; below 0 if its first columns are cut off
    top: int
    lesions: tuple[ImageLesion, ...]
    window: Xyxy | None = None  # of a patch: what it shows of the image as stored, px; None for a whole image
    patient_rank: int | None = None  # in which order patients and images are drawn from, where patches are; see `ranks`
    image_rank: int | None = None

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> ImageRow:
        """A row of the table, or one that went through JSON."""
        lesions = (
            ImageLesion(**{**lesion, "box": None if lesion["box"] is None else tuple(lesion["box"])})
            for lesion in columns["lesions"]
        )
        window = None if columns["window"] is None else tuple(columns["window"])
        return cls(**{**columns, "lesions": tuple(lesions), "window": window})

    def as_json(self) -> dict[str, Any]:
        """Dictionaries, lists, numbers and strings."""
        return asdict(self)

    def fit(self, canvas: tuple[int, int]) -> Fit:
        """How a whole image came onto the finest size, `canvas`, to take boxes and masks there and back.

        Raises:
            ValueError: this is a patch, whose `window` says it.
        """
        if self.window is not None:
            raise ValueError(f"expected a whole image, got the patch {self.window} of one")
        shape = scaled_shape(self.source_height, self.source_width, self.scale)
        return Fit((self.source_height, self.source_width), self.scale, shape, canvas, self.left, self.top)


_LESION = pa.struct([("kind", pa.string()), ("pathology", pa.string()), ("box", pa.list_(pa.int32()))])
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("image_key", "patient_key", "split")),
        ("label", pa.uint8()),
        *((name, pa.string()) for name in ("view", "laterality", "density")),
        ("mm_per_px", pa.float64()),
        ("breast_mask_size", pa.float64()),
        ("source_height", pa.int32()),
        ("source_width", pa.int32()),
        ("mirror", pa.bool_()),
        ("scale", pa.float64()),
        ("left", pa.int32()),
        ("top", pa.int32()),
        ("lesions", pa.list_(_LESION)),
        ("window", pa.list_(pa.int32())),
        ("patient_rank", pa.int32()),
        ("image_rank", pa.int32()),
    ]
)


def row_of(record: Mammogram, split: SplitName, prepared: WholeImage, identity_key: bytes) -> ImageRow:
    """The row of an image that was made from `record`."""
    lesions = tuple(
        ImageLesion(
            kind=lesion.kind,
            pathology=lesion.pathology,
            box=None
            if lesion.box is None
            else prepared.box((lesion.box.x0, lesion.box.y0, lesion.box.x1, lesion.box.y1)),
        )
        for lesion in record.lesions
    )
    return ImageRow(
        image_key=image_key(identity_key, record),
        patient_key=patient_key(identity_key, record),
        split=split,
        label=_label(record.lesions),
        view=record.view,
        laterality=record.laterality,
        density=record.density,
        mm_per_px=prepared.fit.mm_per_px(record.mm_per_px),
        breast_mask_size=float(prepared.breast.mean()),
        source_height=prepared.fit.source[0],
        source_width=prepared.fit.source[1],
        mirror=prepared.mirror,
        scale=prepared.fit.scale,
        left=prepared.fit.left,
        top=prepared.fit.top,
        lesions=lesions,
    )


def patch_row(
    record: Mammogram,
    split: SplitName,
    window: Xyxy,
    size: int,
    lesions: Sequence[Lesion],
    breast_share: float,
    identity_key: bytes,
) -> ImageRow:
    """The row of a patch that is `window` of an image, scaled to `size` x `size` px.

    Args:
        window: px of the image as stored, half-open.
        lesions: what the patch was cut out to show, each filling it; none for normal tissue.
        breast_share: of the patch, 0 to 1.
    """
    scale = size / (window[3] - window[1])
    whole = (0, 0, size, size)
    shown = (ImageLesion(kind=lesion.kind, pathology=lesion.pathology, box=whole) for lesion in lesions)
    return ImageRow(
        image_key=image_key(identity_key, record),
        patient_key=patient_key(identity_key, record),
        split=split,
        label=_label(lesions),
        view=record.view,
        laterality=record.laterality,
        density=record.density,
        mm_per_px=None if record.mm_per_px is None else record.mm_per_px / scale,
        breast_mask_size=breast_share,
        source_height=record.height,
        source_width=record.width,
        mirror=False,
        scale=scale,
        left=0,
        top=0,
        lesions=tuple(shown),
        window=window,
    )


def _label(lesions: Sequence[Lesion]) -> int | None:
    pathologies = {lesion.pathology for lesion in lesions}
    if "malignant" in pathologies:
        return MALIGNANT
    return None if "unknown" in pathologies else NON_MALIGNANT
