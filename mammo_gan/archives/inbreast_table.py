"""INbreast's table, INbreast.xls: side, view, density, BI-RADS and findings of each image.

It is read in the three forms in which it goes around: .xls as published, .xlsx, and .csv, which has fewer columns.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import openpyxl
import xlrd

from mammo_gan.archives.paths import read_text
from mammo_gan.archives.records import Density, Laterality, LesionKind, View
from mammo_gan.archives.table import Row
from mammo_gan.errors import UserError

TABLES = ("inbreast.xls", "inbreast.xlsx", "inbreast.csv")  # the better first
_REQUIRED = ("laterality", "view", "file name", "acr", "bi-rads")
_FLAGS: dict[str, LesionKind] = {
    "mass": "mass",
    "micros": "calcification",
    "distortion": "distortion",
    "asymmetry": "asymmetry",
}
_DENSITIES: dict[str, Density] = {"1": "A", "2": "B", "3": "C", "4": "D"}
_BIRADS = re.compile(r"([1-6])([abc]?)")
_WHOLE = re.compile(r"\A\s*(\d+)\.0\s*\Z", re.ASCII)  # 4.0, as tables are exported whose numbers have gaps
_MOST_BYTES = 256 * 2**20  # the table has less than a thousandth of it
_CELLS = "expected INbreast's table"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the table says of one image.

    `birads` is the text ("4a"), `assessment` its number. `findings` are the kinds that are marked X; the .csv form has
    no such marks. `period` is half a year, such as 200901, all that was left of the date.
    """

    laterality: Laterality
    view: View | None
    density: Density | None
    birads: str
    assessment: int
    findings: tuple[LesionKind, ...]
    period: str
    age: int | None


def read_table(path: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entry of each image by its number ("20586908"), and of images with an unusable row what is wrong with it.

    Raises:
        UserError: the file can't be read or isn't this table.
    """
    cells = _cells(path)
    header = [" ".join(name.lower().split()) for name in cells[0]] if cells else []
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise UserError(f"{path}: {_CELLS} with the columns {', '.join(_REQUIRED)}, found no {', '.join(missing)}")
    entries: dict[str, Entry] = {}
    faulty: dict[str, str] = {}
    for number, texts in enumerate(cells[1:], start=2):
        row = Row(number, dict(zip(header, (text.strip() for text in texts), strict=False)))
        image = row["file name"]
        if not image or not row["bi-rads"] or not row["laterality"]:
            if row["laterality"] and image:
                faulty[image] = f"row {number}: expected a file name and Bi-Rads, found an empty cell"
            continue  # empty rows, and the last with sums
        try:
            entry = _entry(row)
            if image in entries:
                raise UserError(f"row {number}: expected one row of image {image[:20]}, found a second one")
            entries[image] = entry
        except UserError as error:
            faulty[image] = str(error)
    return {image: entry for image, entry in entries.items() if image not in faulty}, faulty


def _entry(row: Row) -> Entry:
    birads = row["bi-rads"].lower()
    match = _BIRADS.fullmatch(birads)
    if match is None or (match[2] and match[1] != "4"):
        raise UserError(f"row {row.number}: expected Bi-Rads 1 to 6 or 4a to 4c, found {birads[:40]!r}")
    acr = row["acr"]
    if acr and acr not in _DENSITIES:
        raise UserError(f"row {row.number}: expected ACR 1 to 4, found {acr[:40]!r}")
    age = row["patient age"]  # the word "removed" as published
    return Entry(
        laterality=cast(Laterality, row.choice_in("laterality", ("L", "R"))),
        # One image is of another view, FB: from below.
        view=cast("View | None", {"CC": "CC", "MLO": "MLO"}.get(row["view"].upper())),
        density=_DENSITIES.get(acr),
        birads=birads,
        assessment=int(match[1]),
        findings=tuple(kind for column, kind in _FLAGS.items() if row[column].upper() == "X"),
        period=row["acquisition date"],
        age=int(age) if re.fullmatch(r"\d{1,3}", age, re.ASCII) else None,
    )


def _cells(path: Path) -> list[list[str]]:
    """The first sheet as texts."""
    try:
        match path.suffix.lower():
            case ".xls":
                if path.stat().st_size > _MOST_BYTES:
                    raise ValueError(f"a file of {path.stat().st_size} bytes")
                sheet = xlrd.open_workbook(str(path), logfile=io.StringIO()).sheet_by_index(0)
                return [[_text(value) for value in sheet.row_values(row)] for row in range(sheet.nrows)]
            case ".xlsx":
                with zipfile.ZipFile(path) as packed:
                    if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                        raise ValueError("a file that unpacks to more than any table has")
                book = openpyxl.load_workbook(path, read_only=True, data_only=True)
                return [[_text(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
            case _:
                text = read_text(path)
                first = text.partition("\n")[0]
                separator = max(";,\t", key=first.count)
                rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
                return [[_WHOLE.sub(r"\1", cell) for cell in row] for row in rows]
    except UserError:
        raise
    except Exception as error:  # a parser of spreadsheets fed with broken bytes raises whatever it trips over
        raise UserError(f"{path}: {_CELLS}, found one that can't be read ({error}); unpack it again") from error


def _text(value: object) -> str:
    """A cell as one sees it: whole numbers without the point that spreadsheets keep them with."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
