"""A lab's own folder: images, masks and one table that lists them. What our synthesis writes is such a folder too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.paths import inside, read_text
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import (
    Box,
    Density,
    Extent,
    Laterality,
    Lesion,
    LesionKind,
    Mammogram,
    Pathology,
    SplitName,
    View,
)
from mammo_gan.archives.table import Row, parse_table
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_header, read_image, read_mask

REQUIRED = ("image", "patient")
BOX = ("x0", "y0", "x1", "y1")
OPTIONAL = ("mask", *BOX, "label", "kind", "view", "laterality", "density", "mm_per_px", "extent", "split")
LABELS = ("malignant", "benign", "normal", "unknown")
_OF_THE_IMAGE = ("patient", "view", "laterality", "density", "mm_per_px", "extent", "split")


class Manifest(Reader):
    """Images that a table lists, one row a lesion; several rows of one image are several lesions.

    | column | content |
    |---|---|
    | image, patient | required: the file, relative to the root; any text that tells patients apart |
    | mask | a file of two values, of the image's size, one lesion's pixels non-zero |
    | x0, y0, x1, y1 | the lesion's box in px of the image, x1 and y1 exclusive; outer bounds of fractions |
    | label | malignant, benign, normal (no lesion), unknown (the default) |
    | kind | mass, calcification, distortion, asymmetry, other (the default) |
    | view, laterality, density | CC or MLO; L or R; A to D |
    | mm_per_px | mm per pixel of the file |
    | extent | mammogram (the default) or patch |
    | split | train, val or test, where it is fixed |

    An image whose row has neither label, mask nor box could hold anything: it becomes a lesion of unknown kind and
    place, so that nothing takes it for healthy tissue. `label` normal says that it is.

    Args:
        table: the table's path relative to the root.
    """

    name: ClassVar[str] = "manifest"
    root_variable: ClassVar[str] = "MANIFEST_ROOT"
    layout: ClassVar[str] = (
        f"a table, manifest.csv, with the columns {' and '.join(REQUIRED)} and any of {', '.join(OPTIONAL)}, "
        "and the images and masks that it names."
    )
    source_of_data: ClassVar[str] = "The data is your own."

    def __init__(self, table: str = "manifest.csv") -> None:
        self.table = table

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        path = inside(root, self.table)
        if not path.is_file():
            raise self.no_archive(f"{root}: has no table {self.table}")
        rows, faulty = _read_table(path)
        for number, found in faulty.items():
            yield self._fault(f"row {number}", found)
        images: dict[str, list[Row]] = {}
        for row in rows:
            try:
                images.setdefault(_image(root, row), []).append(row)
            except UserError as error:
                yield self._fault(f"row {row.number}", told(error, root))
        for image, rows_of_image in images.items():
            yield self._scan_image(root, image, rows_of_image)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return read_image(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        rows, _ = _read_table(inside(root, self.table))
        file = next((_relative(row["mask"]) for row in rows if row.number == lesion.number), "")
        if not file:
            raise UserError(f"{self.table} row {lesion.number}: expected a mask, found none; index it again")
        mask = read_mask(inside(root, file))
        if mask.shape != (mammogram.height, mammogram.width):
            raise UserError(
                f"{self.table} row {lesion.number}: expected {file} to have the image's {mammogram.height} x "
                f"{mammogram.width} px, found {mask.shape[0]} x {mask.shape[1]}"
            )
        return mask

    def _scan_image(self, root: Path, image: str, rows: list[Row]) -> Mammogram | Fault:
        where = f"row {rows[0].number}"
        try:
            _check_agreement(rows)
            lesions = tuple(lesion for lesion in map(_lesion, rows) if lesion is not None)
            if lesions and len(lesions) < len(rows):
                raise UserError(f"expected label normal in all rows of {image} or in none, found both")
            return _mammogram(root, image, rows[0], lesions)
        except UserError as error:
            return self._fault(where, told(error, root), image)

    def _fault(self, where: str, found: str, image: str | None = None) -> Fault:
        advice = f"correct {where} of {self.table}, or the file that it names"
        return Fault(image or self.table, f"unusable {where} of {self.table}", "a row as described", found, advice)


def _read_table(path: Path) -> tuple[list[Row], dict[int, str]]:
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except (OSError, UserError) as error:
        raise UserError(f"{path}: {error}. Correct the table, or name another with archive.reader.table") from error


@lru_cache(maxsize=2)
def _parsed(path: Path, mtime_ns: int, size: int) -> tuple[list[Row], dict[int, str]]:
    """Kept, because each mask asks for its row again; another time of change or size reads the table anew."""
    return parse_table(read_text(path), REQUIRED, OPTIONAL)


def _relative(cell: str) -> str:
    return cell.replace("\\", "/")  # as tables made on Windows have it


def _image(root: Path, row: Row) -> str:
    """The image's path relative to the root, one name for one file however the table writes it."""
    for column in REQUIRED:
        if not row[column]:
            raise UserError(f"row {row.number}: expected something in column {column}, found an empty cell")
    return inside(root, _relative(row["image"])).relative_to(root.resolve()).as_posix()


def _check_agreement(rows: list[Row]) -> None:
    """Rows of one image must not tell different stories of it."""
    for column in _OF_THE_IMAGE:
        other = next((row for row in rows if row[column] != rows[0][column]), None)
        if other is not None:
            raise UserError(
                f"expected the same {column} in rows {rows[0].number} and {other.number}, which are of one image, "
                f"found {rows[0][column]!r} and {other[column]!r}"
            )


def _mammogram(root: Path, image: str, row: Row, lesions: tuple[Lesion, ...]) -> Mammogram:
    mm_per_px = row.number_in("mm_per_px")
    if mm_per_px is not None and not 0.001 <= mm_per_px <= 10:
        raise UserError(f"row {row.number}: expected mm_per_px of 0.001 to 10, found {mm_per_px:g}")
    header = read_header(inside(root, image))
    return Mammogram(
        archive=Manifest.name,
        source="disk",
        image=image,
        patient=row["patient"],
        height=header.height,
        width=header.width,
        bits=header.bits,
        view=cast("View | None", row.choice_in("view", get_args(View))),
        laterality=cast("Laterality | None", row.choice_in("laterality", get_args(Laterality))),
        density=cast("Density | None", row.choice_in("density", get_args(Density))),
        mm_per_px=mm_per_px,
        lesions=lesions,
        extent=cast(Extent, row.choice_in("extent", get_args(Extent)) or "mammogram"),
        split=cast("SplitName | None", row.choice_in("split", get_args(SplitName))),
    )


def _lesion(row: Row) -> Lesion | None:
    """The lesion of one row; None where it says that there is none. Its number is the row's."""
    label = row.choice_in("label", LABELS)
    kind = row.choice_in("kind", get_args(LesionKind))
    box = _box(row)
    has_mask = bool(row["mask"])
    if label == "normal":
        if box is not None or has_mask or kind is not None:
            raise UserError(f"row {row.number}: expected no mask, box or kind beside label normal, found one")
        return None
    return Lesion(
        number=row.number,
        kind=cast(LesionKind, kind or "other"),
        pathology=cast(Pathology, label or "unknown"),
        box=box,
        has_mask=has_mask,
    )


def _box(row: Row) -> Box | None:
    sides = [row.number_in(column) for column in BOX]
    given = [side for side in sides if side is not None]
    if not given:
        return None
    if len(given) < len(BOX):
        raise UserError(f"row {row.number}: expected all of {', '.join(BOX)} or none, found {len(given)} of them")
    x0, y0, x1, y1 = math.floor(given[0]), math.floor(given[1]), math.ceil(given[2]), math.ceil(given[3])
    if x1 <= x0 or y1 <= y0:
        raise UserError(f"row {row.number}: expected x0 < x1 and y0 < y1, found {x0}, {y0}, {x1}, {y1}")
    return Box(x0, y0, x1, y1)
