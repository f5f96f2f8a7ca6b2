"""OPTIMAM with its annotations as a table (alyafi2019_dcgan, Table 1), one row a lesion, as CSV or Excel.

Images are found by their file names; view, side, size and what the table lacks come from the DICOM headers. An image
that the table doesn't list is left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from openpyxl import load_workbook

from mammo_gan.archives.acquisition import acquisition_of
from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.optimam_header import parse_header, read_dicom_header, record_of
from mammo_gan.archives.paths import inside, listing, read_text
from mammo_gan.archives.records import Acquisition, Box, Lesion, LesionKind, Mammogram, Pathology
from mammo_gan.archives.table import Row
from mammo_gan.errors import UserError
from mammo_gan.imaging.dicom_header import DicomHeader

# Table 1's columns, then Table 2's and their names in DICOM; compared without case, blanks and signs. The paper gives
# "some column headers": others are passed over.
_COLUMNS = {
    "patientid": "patient",
    "studyid": "study",
    "imageid": "image",
    "lesionid": "lesion",
    "lesionstatus": "status",
    "lesiontype": "type",
    "manufacturer": "manufacturer",
    "modelname": "model",
    "manufacturermodelname": "model",
    "xraytubecurrent": "current",
    "magnificationfactor": "magnification",
    "estimatedradiographicmagnificationfactor": "magnification",
    "forpresentation": "presentation",
    "presentation": "presentation",
    "presentationintenttype": "presentation",
    **{corner: corner for corner in ("x1", "y1", "x2", "y2")},
}
_NEEDED = ("patient", "study", "image", "x1", "y1", "x2", "y2")
# B1 (negative), B3 and B4 (suspicious) are neither.
_PATHOLOGIES: dict[str, Pathology] = {"B2": "benign", "B5": "malignant", "BENIGN": "benign", "MALIGNANT": "malignant"}
# "or a combination of them": a lesion of several types is of the first of these.
_KINDS: tuple[tuple[str, LesionKind], ...] = (
    ("mass", "mass"),
    ("calcification", "calcification"),
    ("distortion", "distortion"),
    ("asymmetry", "asymmetry"),
)
_PRESENTATIONS = {"true": True, "1": True, "yes": True, "for presentation": True}
_PRESENTATIONS |= {"false": False, "0": False, "no": False, "for processing": False}


def scan_table(root: Path, table: str) -> Iterator[Mammogram | Fault]:
    """The images that a table lists and that are on disk, in the table's order.

    Raises:
        UserError: the table can't be read or lacks one of its columns.
    """
    rows_of: dict[str, list[Row]] = {}
    for row in read_rows(inside(root, table)):
        rows_of.setdefault(row["image"].removesuffix(".dcm"), []).append(row)
    found = listing(root)
    yield from found.faults
    files_of: dict[str, list[str]] = {}
    for file in found.files:
        name = PurePosixPath(file)
        if name.suffix.lower() == ".dcm" and name.stem in rows_of:
            files_of.setdefault(name.stem, []).append(file)
    for image, rows in rows_of.items():
        files = files_of.get(image, [])
        if not files:
            continue  # the archive is given out in parts
        try:
            yield _mammogram(root, _one(files, rows[0]), rows)
        except UserError as error:
            where, advice = f"row {rows[0].number} of {table}", "correct the row, or the file that it names"
            yield Fault(files[0], f"unusable {where}", "a row as described", told(error, root), advice)


def read_rows(path: Path) -> Iterator[Row]:
    """A table's rows, their cells under our names for the columns; the header may have others too. Raises UserError."""
    lines = _sheet(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    header = [_COLUMNS.get(re.sub(r"[^a-z0-9]", "", name.lower()), "") for name in next(lines, [])]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise UserError(
            f"{path.name}: expected the columns Patient ID, Study ID, Image ID, x1, y1, x2, y2, found none for "
            f"{', '.join(missing)}; name them so in the table's first row"
        )
    for number, cells in enumerate(lines, start=2):
        row = Row(number, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name})
        if row["image"]:
            yield row


def _csv(path: Path) -> Iterator[list[str]]:
    text = read_text(path)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    except csv.Error as error:
        raise UserError(f"{path.name}: expected a table as CSV, found one that can't be parsed ({error})") from error


def _sheet(path: Path) -> Iterator[list[str]]:
    """The first sheet's rows as text."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        for cells in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(value) for value in cells]
        book.close()
    except Exception as error:  # a parser fed with broken bytes raises whatever it trips over
        raise UserError(
            f"{path.name}: expected an Excel workbook (.xlsx), found a file that can't be read ({error}); save it again"
        ) from error


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel knows no whole numbers
    return "" if value is None else str(value)


def _one(files: Sequence[str], row: Row) -> str:
    """Of files of one name that of the row's patient and study."""
    if len(files) == 1:
        return files[0]
    fitting = [file for file in files if {row["patient"], row["study"]} <= set(PurePosixPath(file).parts)]
    if len(fitting) != 1:
        raise UserError(
            f"expected one file of this image in folders named after its patient and study, found {len(fitting)}"
        )
    return fitting[0]


def _mammogram(root: Path, file: str, rows: Sequence[Row]) -> Mammogram:
    first = rows[0]
    for column in ("patient", "study"):
        if not first[column] or any(row[column] != first[column] for row in rows):
            raise UserError(
                f"row {first.number}: expected one {column} for all rows of an image, found none or several"
            )
    header = parse_header(read_dicom_header(inside(root, file)))
    lesions = tuple(lesion for lesion in map(_lesion, rows) if lesion is not None)
    return record_of(file, first["patient"], first["study"], header, lesions, _acquisition(first, header))


def _acquisition(row: Row, header: DicomHeader) -> Acquisition:
    """The table's where it speaks, otherwise the header's."""
    presentation = _PRESENTATIONS.get(row["presentation"].lower())
    given = {
        "manufacturer": row["manufacturer"] or None,
        "model": row["model"] or None,
        "tube_current": row.number_in("current"),
        "magnification": row.number_in("magnification"),
        "for_presentation": presentation,
    }
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(acquisition_of(header), **known)


def _lesion(row: Row) -> Lesion | None:
    """The row's lesion, None where it names none: no number, no corner, no status and no type."""
    corners = [row.number_in(corner) for corner in ("x1", "y1", "x2", "y2")]
    given = [corner for corner in corners if corner is not None]
    if not given and not (row["lesion"] or row["status"] or row["type"]):
        return None
    if len(given) not in (0, 4):
        raise UserError(f"row {row.number}: expected all of x1, y1, x2, y2 or none, found {len(given)} of them")
    status, described = row["status"].upper(), row["type"].lower()
    return Lesion(
        number=row.number,
        kind=next((kind for word, kind in _KINDS if word in described), "other"),
        pathology=_PATHOLOGIES.get(status, "unknown"),
        box=_box(given) if given else None,
        description=row["type"],
        assessment=int(status[1]) if re.fullmatch("B[1-5]", status) else None,
    )


def _box(corners: Sequence[float]) -> Box:
    """Both corners belong to the lesion (3.3), whichever of them is named first."""
    x1, y1, x2, y2 = (round(corner) for corner in corners)
    return Box(min(x1, x2), min(y1, y2), max(x1, x2) + 1, max(y1, y2) + 1)
