"""OPTIMAM with its annotations as a table: the columns of alyafi2019_dcgan, Tables 1 and 2, as CSV and as Excel."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook

from mammo_gan.archives.index import build
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Acquisition, Box, Mammogram
from mammo_gan.errors import UserError
from tests.archives.optimam_miniature import HEIGHT, WIDTH, Image, dicom

COLUMNS = ("Patient ID", "Study ID", "Series ID", "Image ID", "Lesion ID", "x1", "y1", "x2", "y2", "Lesion status")
TABLE_2 = {
    "Manufacturer": "Hologic, Inc.",
    "Model name": "Lorad Selenia",
    "X-ray tube current": 100,
    "Magnification Factor": 1.0,
    "For presentation": True,
}


def row(image: str, corners: Sequence[Any] = (), patient: str = "p1", **cells: Any) -> dict[str, Any]:
    of_image = {"Patient ID": patient, "Study ID": "s1", "Series ID": "e1", "Image ID": image}
    given = dict(zip(("x1", "y1", "x2", "y2"), corners, strict=False))
    of_lesion = {"Lesion ID": 1, "Lesion status": "B5", "Lesion type": "mass"} if corners else {}
    return {**of_image, **given, **of_lesion, **{name.replace("_", " "): value for name, value in cells.items()}}


def write(root: Path, rows: Sequence[Mapping[str, Any]], table: str, files: Sequence[str] = ()) -> OPTIMAM:
    """A table and the images that it lists, below batch/patient/study as alyafi2019 has them."""
    columns = list(dict.fromkeys([*COLUMNS, *(name for each in rows for name in each)]))
    cells = [[each.get(name) for name in columns] for each in rows]
    for number, file in enumerate(files or dict.fromkeys(f"batch1/{r['Patient ID']}/s1/{r['Image ID']}" for r in rows)):
        path = root / f"{file}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((HEIGHT, WIDTH), 300, np.uint16)
        pixels[12:22, 16:26] = 4000
        dicom(path, Image(name=path.stem, side="R", pixels=pixels), number).save_as(path, enforce_file_format=True)
    if table.endswith(".xlsx"):
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append(columns)
        for line in cells:
            sheet.append(line)
        book.save(root / table)
    else:
        with (root / table).open("w", newline="", encoding="utf-8") as file_:
            csv.writer(file_, delimiter=";").writerows([columns, *cells])
    return OPTIMAM(table=table)


def scanned(root: Path, reader: OPTIMAM) -> tuple[list[Mammogram], list[Fault]]:
    found = list(reader.scan(root))
    return [each for each in found if isinstance(each, Mammogram)], [each for each in found if isinstance(each, Fault)]


@pytest.mark.parametrize("table", ["annotations.csv", "annotations.xlsx"])
def test_rows_become_records(tmp_path: Path, table: str) -> None:
    rows = [
        {**row("i1", (16, 12, 25, 21)), **TABLE_2, "Unknown column": "kept out"},
        row("i1", (40, 50, 30, 45), Lesion_status="B2", Lesion_type="Focal Asymmetry, Calcification"),
        {**row("i2", patient="p2"), "X-ray tube current": 62},
        row("i3", (1, 1, 2, 2), Lesion_status="B3", Lesion_type="architectural distortion"),
    ]
    (first, second, third), faults = scanned(tmp_path, write(tmp_path, rows, table))
    assert not faults
    assert (first.image, first.patient, first.study) == ("batch1/p1/s1/i1.dcm", "p1", "s1")
    assert (first.height, first.width, first.view, first.laterality) == (HEIGHT, WIDTH, "CC", "R")
    assert first.acquisition == Acquisition(
        manufacturer="Hologic, Inc.", model="Lorad Selenia", tube_current=100, magnification=1, for_presentation=True
    )
    found = [(each.number, each.kind, each.pathology, each.box, each.assessment) for each in first.lesions]
    assert found == [
        (2, "mass", "malignant", Box(16, 12, 26, 22), 5),
        (3, "calcification", "benign", Box(30, 45, 41, 51), 2),
    ]
    assert second.lesions == ()
    assert second.acquisition is not None
    assert (second.acquisition.tube_current, second.acquisition.model) == (62, "Lorad Selenia")
    assert [(each.kind, each.pathology) for each in third.lesions] == [("distortion", "unknown")]


def test_a_box_covers_the_lesion_in_the_picture(tmp_path: Path) -> None:
    reader = write(tmp_path, [row("i1", (16, 12, 25, 21))], "annotations.csv")
    ((record,), _) = scanned(tmp_path, reader)
    box = record.lesions[0].box
    assert box is not None
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[box.y0 : box.y1, box.x0 : box.x1] = True
    shown = reader.pixels(tmp_path, record)
    assert np.array_equal(covered, shown == shown.max())


def test_only_images_on_disk_are_given(tmp_path: Path) -> None:
    reader = write(tmp_path, [row("i1"), row("i2")], "annotations.csv", files=["batch1/p1/s1/i2"])
    records, faults = build(reader, tmp_path, "disk", jobs=1)
    assert [record.image for record in records] == ["batch1/p1/s1/i2.dcm"]
    assert not faults


def test_files_of_one_name_go_by_their_folders(tmp_path: Path) -> None:
    files = ["batch1/p1/s1/i1", "batch1/p2/s1/i1"]
    records, faults = scanned(tmp_path, write(tmp_path, [row("i1", patient="p2")], "a.csv", files=files))
    assert [record.image for record in records] == ["batch1/p2/s1/i1.dcm"]
    assert not faults


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("i1", ("x", 1, 2, 3))], "expected a number in column x1"),
        ([row("i1", (1, 1, 2))], "expected all of x1, y1, x2, y2 or none, found 3"),
        ([row("i1"), row("i1", patient="p2")], "expected one patient for all rows"),
    ],
)
def test_a_faulty_row_costs_its_image(tmp_path: Path, rows: list[dict[str, Any]], found: str) -> None:
    files = ["b/p1/s1/i1", "b/p1/s1/i9"]
    reader = write(tmp_path, [*rows, row("i9")], "annotations.csv", files=files)
    records, (fault,) = scanned(tmp_path, reader)
    assert [record.image for record in records] == ["b/p1/s1/i9.dcm"]
    assert found in fault.found
    assert fault.problem == "unusable row 2 of annotations.csv"


@pytest.mark.parametrize(
    ("table", "content", "found"),
    [
        ("a.csv", b"", "found none for patient"),
        ("a.csv", b"Patient ID,Study ID,Image ID,x1,y1,x2\n", "found none for y2"),
        ("a.csv", b'a,"' + b"x" * 200_000 + b'"\n', "can't be parsed"),
        ("a.xlsx", b"PK nothing", "found a file that can't be read"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, table: str, content: bytes, found: str) -> None:
    (tmp_path / table).write_bytes(content)
    with pytest.raises(UserError, match=found):
        list(OPTIMAM(table=table).scan(tmp_path))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no table a\.csv.*archive\.reader\.table"):
        list(OPTIMAM(table="a.csv").scan(tmp_path))


def test_no_table_leaves_the_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "a.csv").write_text("Patient ID\n")
    with pytest.raises(UserError, match="within the archive's root"):
        list(OPTIMAM(table="../a.csv").scan(tmp_path / "root"))
