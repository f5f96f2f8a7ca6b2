"""A lab's own table: what a row means, and how its mistakes are named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.manifest import OPTIONAL, REQUIRED, Manifest
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.errors import UserError
from tests.archives.miniature import make_manifest, write_manifest

IMAGE = "images/p0_CC.png"
LESION = {"image": IMAGE, "patient": "p0", "label": "malignant"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_manifest(tmp_path)
    return tmp_path


def scanned(root: Path, *rows: Mapping[str, str]) -> Mammogram | Fault:
    """What the table's only image becomes."""
    write_manifest(root, rows)
    (found,) = Manifest().scan(root)
    return found


def record(root: Path, *rows: Mapping[str, str]) -> Mammogram:
    found = scanned(root, *rows)
    assert isinstance(found, Mammogram)
    return found


def fault(root: Path, *rows: Mapping[str, str]) -> str:
    found = scanned(root, *rows)
    assert isinstance(found, Fault)
    return f"{found.problem}: {found.found}"


def test_a_labs_folder_becomes_records(root: Path) -> None:
    records, faults = index.build(Manifest(), root, "disk", jobs=1)
    assert not faults
    assert len(records) == 6
    lesion_image, normal = records[:2]
    assert (lesion_image.patient, lesion_image.view, lesion_image.density) == ("p0", "CC", "B")
    assert (lesion_image.height, lesion_image.width, lesion_image.bits) == (48, 32, 16)
    assert (lesion_image.mm_per_px, lesion_image.extent, lesion_image.split) == (0.2, "mammogram", None)
    assert normal.lesions == ()
    (lesion,) = lesion_image.lesions
    assert (lesion.kind, lesion.pathology, lesion.box) == ("mass", "malignant", Box(4, 20, 12, 30))  # from the mask
    mask = Manifest().mask(root, lesion_image, lesion)
    assert mask[20:30, 4:12].all()
    assert mask.sum() == 80


def test_several_rows_are_several_lesions(root: Path) -> None:
    rows = [
        {**LESION, "x0": "1.5", "y0": "2", "x1": "8.2", "y1": "9"},
        {**LESION, "label": "benign", "mask": "masks/p0_CC.png"},
    ]
    first, second = record(root, *rows).lesions
    assert (first.number, first.box, first.has_mask) == (2, Box(1, 2, 9, 9), False)
    assert (second.number, second.box, second.has_mask) == (3, None, True)
    assert second.pathology == "benign"


def test_an_image_of_which_nothing_is_said_is_not_healthy(root: Path) -> None:
    (lesion,) = record(root, {"image": IMAGE, "patient": "p0"}).lesions
    assert (lesion.kind, lesion.pathology, lesion.box, lesion.has_mask) == ("other", "unknown", None, False)
    assert record(root, {"image": IMAGE, "patient": "p0", "label": "normal"}).lesions == ()


def test_one_file_is_one_image_however_it_is_written(root: Path) -> None:
    rows = [LESION, {**LESION, "image": "images\\p0_CC.png"}, {**LESION, "image": "./masks/../images/p0_CC.png"}]
    assert len(record(root, *rows).lesions) == 3


def test_the_table_may_have_another_name_and_semicolons(root: Path) -> None:
    (root / "films.csv").write_text(
        "\ufeffimage;patient;mm_per_px;split\nimages/p0_CC.png;p0;0,07;train\n", encoding="utf-8"
    )
    (found,) = Manifest(table="films.csv").scan(root)
    assert isinstance(found, Mammogram)
    assert (found.mm_per_px, found.split) == (0.07, "train")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": "malign"}, "row 2: .*nearest valid one is 'malignant'"),
        ({"view": "XCCL"}, "row 2: expected one of CC, MLO"),
        ({"density": "5"}, "column density"),
        ({"mm_per_px": "70"}, "row 2: expected mm_per_px"),
        ({"x0": "3"}, "row 2: expected all of x0, y0, x1, y1 or none, found 1"),
        ({"x0": "3", "y0": "3", "x1": "3", "y1": "9"}, "x0 < x1"),
        ({"x0": "left", "y0": "3", "x1": "3", "y1": "9"}, "number in column x0"),
        ({"label": "normal", "mask": "masks/p0_CC.png"}, "row 2: expected no mask, box or kind beside label normal"),
        ({"image": "images/none.png"}, r"none\.png: expected an image file, found none"),
        ({"image": "../secret.png"}, "row 2.*within the archive's root"),
        ({"x0": "1e9", "y0": "3", "x1": "3", "y1": "9"}, "number in column x0"),
        ({"patient": ""}, "row 2: expected something in column patient"),
    ],
)
def test_mistakes_are_named_with_their_row(root: Path, change: dict[str, str], expected: str) -> None:
    assert re.search(expected, fault(root, {**LESION, **change}))


def test_rows_of_one_image_must_agree(root: Path) -> None:
    assert "the same patient in rows 2 and 3" in fault(root, LESION, {**LESION, "patient": "p9"})
    assert "normal in all rows" in fault(root, LESION, {**LESION, "label": "normal"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [("image,patinet", "nearest valid one is 'patient'"), ("image,label", "the column patient"), ("", "empty table")],
)
def test_a_table_without_its_columns_stops_the_run(root: Path, header: str, expected: str) -> None:
    (root / "manifest.csv").write_text(header + "\n")
    with pytest.raises(UserError, match=expected) as error:
        list(Manifest().scan(root))
    assert "manifest.csv" in str(error.value)


def test_a_row_that_is_there_twice_is_no_second_lesion(root: Path) -> None:
    boxed = {**LESION, "x0": "1", "y0": "2", "x1": "8", "y1": "9"}
    assert "one row a lesion, found the same one in rows 2 and 3" in fault(root, boxed, boxed)
    assert len(record(root, boxed, {**boxed, "x0": "2"}).lesions) == 2


def test_no_table_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no table manifest\.csv.*MANIFEST_ROOT"):
        list(Manifest().scan(tmp_path))


def test_a_mask_of_another_size_is_a_fault_naming_file_row_and_sizes(root: Path) -> None:
    Image.fromarray(np.eye(10, dtype=np.uint8)).save(root / "masks" / "p1_CC.png")
    records, (found,) = index.build(Manifest(), root, "disk", jobs=1)
    assert len(records) == 5
    assert found.file == "images/p1_CC.png"
    for part in ("row 4", "masks/p1_CC.png", "48 x 32", "10 x 10"):
        assert part in found.found


def test_a_table_that_changes_is_read_anew(root: Path) -> None:
    assert record(root, LESION).lesions[0].pathology == "malignant"
    assert record(root, {**LESION, "label": "benign"}).lesions[0].pathology == "benign"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.dictionaries(
        st.sampled_from([*REQUIRED, *OPTIONAL]), st.sampled_from(["1", "-1", "nan", IMAGE, "B"]) | st.text(max_size=8)
    )
)
def test_any_cells_give_a_record_a_fault_or_a_user_error(root: Path, cells: dict[str, str]) -> None:
    write_manifest(root, [{"image": IMAGE, "patient": "p0", **cells}])
    try:
        found = list(Manifest().scan(root))
    except UserError:
        return
    assert all(isinstance(each, Mammogram | Fault) for each in found)
