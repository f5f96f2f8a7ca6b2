"""A lab's own folder: images, masks and one table that lists them. What our synthesis writes is such a folder too."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.parquet_table import parse_parquet
from mammo_gan.archives.paths import inside, is_file, read_text
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
from mammo_gan.errors import ImageError, UserError
from mammo_gan.imaging.decoding import read_header, read_image, read_mask

TABLES = ("manifest.csv", "manifest.parquet")
REQUIRED = ("image", "patient")
BOX = ("x0", "y0", "x1", "y1")
OPTIONAL = ("mask", *BOX, "label", "kind", "view", "laterality", "density", "mm_per_px", "extent", "split")
LABELS = ("malignant", "benign", "normal", "unknown")
_OF_THE_IMAGE = ("patient", "view", "laterality", "density", "mm_per_px", "extent", "split")


class Manifest(Reader):
    """Images that a table lists, one row a lesion; several rows of one image are several lesions.

    The table is CSV or Parquet, with the same columns and the same rules.

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
        table: the table's path relative to the root; None for the one of `TABLES` that is there.
    """

    name: ClassVar[str] = "manifest"
    root_variable: ClassVar[str] = "MANIFEST_ROOT"
    layout: ClassVar[str] = (
        f"a table, {' or '.join(TABLES)}, with the columns {' and '.join(REQUIRED)} and any of {', '.join(OPTIONAL)}, "
        "and the images and masks that it names."
    )
    source_of_data: ClassVar[str] = "The data is your own."

    def __init__(self, table: str | None = None) -> None:
        self.table = table

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        table = self._table(root)
        rows, faulty = _read_table(inside(root, table))
        for number, found in faulty.items():
            yield _fault(table, f"row {number}", found)
        images: dict[str, list[Row]] = {}
        for row in rows:
            try:
                images.setdefault(_image(root, row), []).append(row)
            except UserError as error:
                yield _fault(table, f"row {row.number}", told(error, root))
        for image, rows_of_image in images.items():
            yield _scan_image(root, table, image, rows_of_image)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return read_image(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        table = self._table(root)
        rows, _ = _read_table(inside(root, table))
        at = bisect_left(rows, lesion.number, key=lambda row: row.number)
        file = _relative(rows[at]["mask"]) if at < len(rows) and rows[at].number == lesion.number else ""
        if not file:
            raise UserError(f"{table} row {lesion.number}: expected a mask, found none; index it again")
        mask = read_mask(inside(root, file))
        if mask.shape != (mammogram.height, mammogram.width):
            raise ImageError(
                f"{table} row {lesion.number}: expected {file} to have the image's {mammogram.height} x "
                f"{mammogram.width} px, found {mask.shape[0]} x {mask.shape[1]}",
                "{} of another size",
            )
        return mask

    def _table(self, root: Path) -> str:
        """The table's path relative to the root."""
        if self.table is not None:
            inside(root, self.table)
        names = TABLES if self.table is None else (self.table,)
        found = [name for name in names if is_file(root / name)]
        if not found:
            raise self.no_archive(f"{root}: has no table {' or '.join(names)}")
        if len(found) > 1:
            raise UserError(
                f"{root}: expected one table, found {' and '.join(found)}; move away the one that is out of date, or "
                f"choose one with archive.reader.table={found[0]}"
            )
        return found[0]


def _scan_image(root: Path, table: str, image: str, rows: list[Row]) -> Mammogram | Fault:
    try:
        _check_agreement(rows)
        lesions = tuple(lesion for lesion in map(_lesion, rows) if lesion is not None)
        if lesions and len(lesions) < len(rows):
            raise UserError(f"expected label normal in all rows of {image} or in none, found both")
        return _mammogram(root, image, rows[0], lesions)
    except UserError as error:
        return _fault(table, f"row {rows[0].number}", told(error, root), image)


def _fault(table: str, where: str, found: str, image: str | None = None) -> Fault:
    advice = f"correct {where} of {table}, or the file that it names"
    return Fault(image or table, f"unusable {where} of {table}", "a row as described", found, advice)


def _read_table(path: Path) -> tuple[list[Row], dict[int, str]]:
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except (OSError, UserError) as error:
        raise UserError(f"{path}: {error}. Correct the table, or name another with archive.reader.table") from error


@lru_cache(maxsize=2)
def _parsed(path: Path, mtime_ns: int, size: int) -> tuple[list[Row], dict[int, str]]:
    """Kept, because each mask asks for its row again; another time of change or size reads the table anew."""
    if path.suffix.lower() == ".parquet":
        return parse_parquet(path, REQUIRED, OPTIONAL), {}
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
    """Rows of one image must not tell different stories of it, nor the same lesion twice."""
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        same = first.setdefault(tuple(row[column] for column in (*REQUIRED, *OPTIONAL)), row)
        if same is not row:
            raise UserError(f"expected one row a lesion, found the same one in rows {same.number} and {row.number}")
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
