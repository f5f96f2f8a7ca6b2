"""The CBIS-DDSM reader on a miniature archive and on the published tables where they are at hand."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.archives import index, remarks
from mammo_gan.archives.cbis import CBIS
from mammo_gan.archives.cbis_masks import fitted, named_otherwise
from mammo_gan.archives.cbis_split import official_split
from mammo_gan.archives.cbis_tables import TABLES, read_findings
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.errors import UserError
from tests.archives.cbis_miniature import (
    BOXES,
    CALC_2,
    CC_1,
    FILM,
    FILM_3,
    MASK_3,
    MASS_2,
    MLO_1,
    MLO_3,
    ROWS,
    crop,
    drawn,
    film,
    film_path,
    lesion_paths,
    make_cbis,
    write_dicom,
    write_tables,
)

REAL = Path(__file__).parents[3] / "shared" / "data" / "cbis_ddsm_official_csv"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_cbis(tmp_path / "root")
    return tmp_path / "root"


def scanned(root: Path) -> tuple[dict[str, Mammogram], list[Fault]]:
    found = list(CBIS().scan(root))
    records = {record.image: record for record in found if isinstance(record, Mammogram)}
    return records, [fault for fault in found if isinstance(fault, Fault)]


def mask_of(root: Path, folder: str, lesion: int = 0) -> np.ndarray:
    record = scanned(root)[0][film_path(folder)]
    return CBIS().mask(root, record, record.lesions[lesion])


def test_every_film_becomes_one_record(tmp_path: Path) -> None:
    images = make_cbis(tmp_path)
    records, faults = scanned(tmp_path)
    assert not faults
    assert list(records) == images  # the film that stands in the tables alone is absent
    record = records[film_path(CC_1)]
    assert (record.archive, record.patient, record.view, record.laterality, record.density) == (
        "cbis",
        "P_00001",
        "CC",
        "L",
        "C",
    )
    assert (record.height, record.width, record.bits) == (*FILM, 16)
    assert (record.mm_per_px, record.scanner, record.split, record.study) == (None, None, None, None)
    assert records[film_path(MLO_3)].density is None  # the table says 0


def test_rows_become_lesions(root: Path) -> None:
    first, second = scanned(root)[0][film_path(MLO_1)].lesions
    assert (first.kind, first.pathology, first.assessment, first.number) == ("mass", "malignant", 4, 1)
    assert (second.kind, second.pathology, second.assessment, second.number) == ("distortion", "benign", 2, 2)
    assert first.description == "MASS SHAPE IRREGULAR-ARCHITECTURAL_DISTORTION MARGINS SPICULATED"
    (third,) = scanned(root)[0][film_path(MLO_3)].lesions
    assert (third.kind, third.pathology) == ("calcification", "benign")  # BENIGN_WITHOUT_CALLBACK


def test_a_film_among_masses_and_calcifications_is_one_with_all_lesions(root: Path) -> None:
    records, _ = scanned(root)
    assert film_path(MASS_2) not in records
    record = records[film_path(CALC_2)]
    assert [(lesion.kind, lesion.pathology) for lesion in record.lesions] == [
        ("calcification", "malignant"),
        ("mass", "benign"),
    ]
    assert len({lesion.number for lesion in record.lesions}) == 2
    for lesion, folder in zip(record.lesions, (CALC_2, MASS_2), strict=True):
        assert np.array_equal(CBIS().mask(root, record, lesion), drawn(*FILM, BOXES[f"{folder}_1"]) > 0)


def test_the_whole_archive_is_sound_and_boxes_come_from_masks(root: Path) -> None:
    records, faults = index.build(CBIS(), root, "disk", jobs=1)
    assert not faults
    boxes = [lesion.box for record in records[:3] for lesion in record.lesions]
    assert boxes == [Box(*box) for name, box in BOXES.items() if not name.startswith(MLO_3)]


def test_of_mask_and_crop_the_pixels_decide(root: Path) -> None:
    for lesion in (1, 2):  # the mask is the second file of the one and the first of the other
        expected = drawn(*FILM, BOXES[f"{MLO_1}_{lesion}"]) > 0
        assert np.array_equal(mask_of(root, MLO_1, lesion - 1), expected)
    large, mask = (root / name for name in lesion_paths(f"{CC_1}_1"))
    write_dicom(large, crop(*FILM, (0, 0, FILM[1], FILM[0])))  # a crop as large as the mask, and bigger as a file
    assert large.stat().st_size > mask.stat().st_size
    assert np.array_equal(mask_of(root, CC_1), drawn(*FILM, BOXES[f"{CC_1}_1"]) > 0)


def test_a_mask_of_another_size_is_resampled_and_the_record_says_so(root: Path) -> None:
    (lesion,) = scanned(root)[0][film_path(MLO_3)].lesions
    assert lesion.description.endswith("mask resampled to the film's size")
    own = Image.fromarray(drawn(*MASK_3, BOXES[f"{MLO_3}_1"]))
    expected = np.asarray(own.resize(FILM_3[::-1], Image.Resampling.NEAREST)) > 0
    assert np.array_equal(mask_of(root, MLO_3), expected)
    others = [lesion for image in (CC_1, MLO_1, CALC_2) for lesion in scanned(root)[0][film_path(image)].lesions]
    assert not any("resampled" in lesion.description for lesion in others)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(UserError, match="proportion of 96 x 64 px, found 90 x 64"):
        fitted(np.ones((90, 64), dtype=bool), *FILM)


def test_mask_and_crop_that_go_under_each_others_names_are_remarks(root: Path) -> None:
    known = index.Known()
    records, _ = index.build(CBIS(), root, "disk", jobs=1, known=known)
    odd = {(remark.file, remark.oddity, remark.found) for remark in remarks.find(records, known.readings)}
    assert odd == {
        (film_path(MLO_1), "mask and crop swapped", "lesion 2: mask and crop are swapped in name"),
        (film_path(MLO_3), "mask and crop swapped", "lesion 101: mask and crop are swapped in name"),
        (film_path(MLO_3), "mask of another size", "lesion 101: mask resampled to the film's size"),
        (film_path(CALC_2), "missing view", "CC without the MLO of the same breast"),
        (film_path(MLO_3), "missing view", "MLO without the CC of the same breast"),
    }


@pytest.mark.parametrize(
    ("files", "sizes", "mask_last", "expected"),
    [
        (("a/1-1.dcm", "a/1-2.dcm"), ((10, 10), FILM), True, False),
        (("a/1-1.dcm", "a/1-2.dcm"), (FILM, (10, 10)), True, True),
        (("a/1-1.dcm", "a/1-2.dcm"), (FILM, (10, 10)), False, False),
        (("a/1-1.dcm", "a/1-2.dcm"), ((10, 10), FILM), False, True),
        (("a/1.0-cropped images-1/1-1.dcm", "a/1.0-ROI mask images-2/1-1.dcm"), ((10, 10), FILM), None, False),
        (("a/1.0-cropped images-1/1-1.dcm", "a/1.0-ROI mask images-2/1-1.dcm"), (FILM, (10, 10)), True, True),
        (("a/1/000000.dcm", "a/2/000000.dcm"), (FILM, (10, 10)), True, False),  # nothing tells them apart by name
        (("a/1-1.dcm", "a/1-2.dcm"), (FILM, (10, 10)), None, False),
        (("a/1-1.dcm", "a/1-2.dcm"), (FILM, FILM), True, False),
        (("a/1-1.dcm",), (FILM,), True, False),
    ],
)
def test_which_names_are_exchanged(
    files: tuple[str, ...], sizes: tuple[tuple[int, int], ...], mask_last: bool | None, expected: bool
) -> None:
    assert named_otherwise(files, sizes, FILM, mask_last) is expected


def test_an_odd_number_of_pixel_bytes_is_read(root: Path) -> None:
    (mask,) = (root / name for name in lesion_paths(f"{MLO_3}_1")[:1])
    content = drawn(*MASK_3, BOXES[f"{MLO_3}_1"]).tobytes()
    assert len(content) % 2 == 1
    assert mask.read_bytes().endswith(len(content).to_bytes(4, "little") + content)
    assert mask_of(root, MLO_3).any()


def test_pixels_are_the_films(root: Path) -> None:
    record = scanned(root)[0][film_path(CC_1)]
    pixels = CBIS().pixels(root, record)
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, film(CC_1))  # 16 bits without a window: as stored


def test_folders_are_found_in_several_downloads(root: Path, tmp_path: Path) -> None:
    expected = scanned(root)[0]
    for name, pattern in (("films", "CBIS-DDSM/*_CC"), ("films", "CBIS-DDSM/*_MLO"), ("masks", "CBIS-DDSM/*_[12]")):
        for folder in root.glob(pattern):
            above = tmp_path / "mine" / f"manifest-{name}" / "CBIS-DDSM"
            above.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, above / folder.name)
    for table in root.glob("*.csv"):
        shutil.copy(table, tmp_path / "mine" / "manifest-films" / table.name.upper())
    records, faults = index.build(CBIS(), tmp_path / "mine", "disk", jobs=1)
    assert not faults
    assert [record.image for record in records] == [f"manifest-films/{image}" for image in expected]
    assert records[0].lesions[0].box == Box(*BOXES[f"{CC_1}_1"])


def test_folders_may_lie_in_the_root(root: Path) -> None:
    for folder in (root / "CBIS-DDSM").iterdir():
        folder.rename(root / folder.name)
    records, faults = index.build(CBIS(), root, "disk", jobs=1)
    assert len(records) == 4
    assert not faults


def test_where_no_masks_were_downloaded_lesions_have_no_position(root: Path) -> None:
    for folder in root.glob("CBIS-DDSM/Mass-*_[12]"):
        shutil.rmtree(folder)
    records, faults = scanned(root)
    assert not faults
    masked = {lesion.kind: lesion.has_mask for record in records.values() for lesion in record.lesions}
    assert masked == {"mass": False, "distortion": False, "calcification": True}


def test_a_missing_mask_or_film_is_a_fault(root: Path) -> None:
    shutil.rmtree(root / "CBIS-DDSM" / f"{MLO_1}_2")
    shutil.rmtree(root / "CBIS-DDSM" / CC_1)
    records, faults = scanned(root)
    assert sorted(records) == sorted([film_path(CALC_2), film_path(MLO_3)])
    assert {fault.problem for fault in faults} == {"unusable mask", "film missing"}


def test_a_folder_without_mask_leaves_its_film_out(root: Path) -> None:
    for name in lesion_paths(f"{CC_1}_1"):
        write_dicom(root / name, crop(*FILM, BOXES[f"{CC_1}_1"]))
    records, (fault,) = index.build(CBIS(), root, "disk", jobs=1)
    assert film_path(CC_1) not in {record.image for record in records}
    assert (fault.file, fault.problem) == (film_path(CC_1), "unusable mask")
    assert "found 0 in" in fault.found
    assert str(root) not in fault.found


def test_a_folder_of_no_row_leaves_its_film_out(root: Path) -> None:
    write_tables(root, tuple(row for row in ROWS if row[:2] != (MLO_1, 2)))
    records, (fault,) = scanned(root)
    assert film_path(MLO_1) not in records
    assert fault.problem == "unlisted folder"
    assert f"{MLO_1}_2" in fault.file


def test_two_files_or_shapes_of_one_film_are_faults(root: Path) -> None:
    shutil.copy(root / film_path(CC_1), (root / film_path(CC_1)).with_name("1-2.dcm"))
    write_dicom(root / film_path(MASS_2), crop(*FILM, (0, 0, 30, 30)))
    (root / film_path(MLO_3)).write_bytes(b"broken")
    records, faults = scanned(root)
    assert list(records) == [film_path(MLO_1)]
    assert [fault.problem for fault in faults] == ["unusable film", "two films of one name", "unusable film"]


def test_each_table_is_needed(root: Path) -> None:
    (root / "mass_case_description_test_set.csv").unlink()
    with pytest.raises(UserError, match=r"no mass_case_description_test_set\.csv.*CBIS_ROOT"):
        scanned(root)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("MALIGNANT", "BAD", "BAD"),
        ("MALIGNANT", "", "found nothing"),
        (",CC,", ",XX,", "XX"),
        ("P_00001,", "../../etc,", "expected the folders"),
        (",1,mass", ",one,mass", "whole number"),
    ],
)
def test_a_broken_row_costs_its_film_and_no_other(root: Path, old: str, new: str, found: str) -> None:
    table = root / "mass_case_description_train_set.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    records, (fault,) = scanned(root)
    assert sorted(records) == sorted(film_path(folder) for folder in (MLO_1, CALC_2, MLO_3))
    assert (fault.file, fault.problem) == (table.name, "unusable row 2")
    assert found in fault.found
    assert "P_00001_LEFT_CC is left out" in fault.found
    assert "P_00001" in CBIS().official_split(root).patients["Mass-Training"]


def test_a_row_of_two_films_costs_both(root: Path) -> None:
    table = root / "mass_case_description_train_set.csv"
    table.write_text(table.read_text().replace(",LEFT,CC,", ",LEFT,MLO,", 1))
    records, faults = scanned(root)
    assert sorted(records) == sorted([film_path(CALC_2), film_path(MLO_3)])
    assert {fault.problem for fault in faults} == {"unusable row 2"}


def test_a_lesion_that_two_rows_tell_of_costs_its_film(root: Path) -> None:
    write_tables(root, (*ROWS, ROWS[0]))
    records, (fault,) = scanned(root)
    assert film_path(CC_1) not in records
    assert "row 6: expected one row a lesion, found that of row 2" in fault.found


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [("pathology,", "", "pathology"), ("Mass-Training_P_00001", "../../etc", "row 2: expected one of LEFT, RIGHT")],
)
def test_a_broken_table_is_refused(root: Path, old: str, new: str, found: str) -> None:
    table = root / "mass_case_description_train_set.csv"
    text = table.read_text().replace("LEFT", "BOTH", 1)
    table.write_text(text.replace(old, new) if old.startswith("Mass") else text.replace(old, new, 1))
    with pytest.raises(UserError, match=rf"train_set\.csv: .*{found}.*download the table again"):
        scanned(root)


def test_a_link_out_of_the_root_is_refused(root: Path, tmp_path: Path) -> None:
    file = root / film_path(CC_1)
    file.rename(tmp_path / "elsewhere.dcm")
    file.symlink_to(tmp_path / "elsewhere.dcm")
    records, (fault,) = scanned(root)
    assert len(records) == 3
    assert "within the archive's root" in fault.found


def test_the_official_split_is_by_lesion_type(root: Path) -> None:
    split = CBIS().official_split(root)
    assert split.patients["Mass-Training"] == {"P_00001", "P_00004"}
    assert split.on_both_sides == ("P_00002",)


def test_a_lesion_that_is_not_there_is_named(root: Path) -> None:
    record = scanned(root)[0][film_path(CC_1)]
    other = Lesion(number=7, kind="mass", pathology="benign", box=None, has_mask=True)
    with pytest.raises(UserError, match="LEFT_CC_7, found none"):
        CBIS().mask(root, record, other)


def test_the_published_tables() -> None:
    if not REAL.is_dir():
        pytest.skip(f"no published tables: {REAL} isn't there")
    tables = [read_findings(REAL / name, part) for part, name in TABLES.items()]
    assert not any(misread for _, misread in tables)
    findings = [finding for found, _ in tables for finding in found]
    assert len(findings) == 3568
    assert len({finding.film for finding in findings}) == 3032
    assert len({finding.film_folder for finding in findings}) == 3103
    assert Counter(finding.density for finding in findings)[None] == 2
    assert Counter(finding.pathology for finding in findings) == {"malignant": 1457, "benign": 1429 + 682}
    assert sum(finding.kind == "calcification" for finding in findings) == 1872
    labels: dict[str, set[str]] = {}
    for finding in findings:
        labels.setdefault(finding.film_folder, set()).add(finding.pathology)
    assert sum(len(seen) > 1 for seen in labels.values()) == 17
    split = official_split(findings)
    crossing = [("Calc-Training", "Mass-Test"), ("Mass-Training", "Calc-Test")]
    assert [len(split.patients[train] & split.patients[test]) for train, test in crossing] == [18, 13]  # type: ignore[index]
    assert len(split.on_both_sides) == 31
