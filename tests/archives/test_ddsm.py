"""The DDSM reader on miniature cases: records, masks, grey levels, and files that are missing or wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.imaging.optical_density import Scanner
from tests.archives.miniature import DDSM_LESIONS, breast, make_ddsm, overlay_text

CANCER = "cases/cancers/cancer_01/case1001"


def scanned(root: Path) -> tuple[dict[str, Mammogram], list[Fault]]:
    found = list(DDSM().scan(root))
    records = {record.image: record for record in found if isinstance(record, Mammogram)}
    return records, [fault for fault in found if isinstance(fault, Fault)]


def test_every_film_becomes_a_record(tmp_path: Path) -> None:
    images = make_ddsm(tmp_path, patients=3)
    records, faults = scanned(tmp_path)
    assert not faults
    assert sorted(records) == sorted(images)
    assert {record.patient for record in records.values()} == {"B-1001-1", "B-1002-1", "B-1003-1"}
    film = records[f"{CANCER}/B_1001_1.RIGHT_MLO.LJPEG"]
    assert (film.height, film.width, film.bits, film.mm_per_px) == (96, 64, 16, 0.05)
    assert (film.view, film.laterality, film.density, film.age) == ("MLO", "R", "A", 40)
    assert (film.archive, film.scanner, film.lesions) == ("ddsm", "lumisys", ())


def test_an_overlay_becomes_a_lesion_with_its_mask(tmp_path: Path) -> None:
    make_ddsm(tmp_path)
    film = scanned(tmp_path)[0][f"{CANCER}/B_1001_1.LEFT_CC.LJPEG"]
    (lesion,) = film.lesions
    assert (lesion.kind, lesion.pathology, lesion.assessment) == ("mass", "malignant", 4)
    assert lesion.description == DDSM_LESIONS["cancers"][0]
    assert lesion.box == Box(16, 12, 26, 22)
    expected = np.zeros((96, 64), dtype=bool)
    expected[12:22, 16:26] = True
    assert np.array_equal(DDSM().mask(tmp_path, film, lesion), expected)


@pytest.mark.parametrize("scanner", ["dba", "howtek-mgh", "howtek-ismd", "lumisys"])
def test_the_same_film_looks_the_same_from_each_scanner(tmp_path: Path, scanner: Scanner) -> None:
    images = make_ddsm(tmp_path, patients=1, scanner=scanner)
    film = scanned(tmp_path)[0][images[0]]
    pixels = DDSM().pixels(tmp_path, film)
    assert film.scanner == scanner
    assert pixels.dtype == np.uint16
    # One digit of the coarsest scanner is 1 / 2790 of the range.
    assert np.abs(pixels.astype(int) - breast(96, 64, seed=0)).max() <= 30


def test_cases_are_found_wherever_a_lab_has_put_them(tmp_path: Path) -> None:
    make_ddsm(tmp_path / "original")
    flat = tmp_path / "mine" / "all"
    flat.mkdir(parents=True)
    for path in (tmp_path / "original").rglob("*.*"):
        shutil.copy(path, flat / path.name.lower())
    records, faults = scanned(tmp_path / "mine")
    assert not faults
    assert len(records) == 12
    film = records["all/b_1001_1.left_cc.ljpeg"]
    assert film.patient == "B-1001-1"
    assert DDSM().mask(tmp_path / "mine", film, film.lesions[0]).sum() == 100


def test_an_overlay_that_was_not_announced_is_read_too(tmp_path: Path) -> None:
    make_ddsm(tmp_path)
    (tmp_path / CANCER / "B_1001_1.RIGHT_CC.OVERLAY").write_text(overlay_text([DDSM_LESIONS["benigns"]]))
    film = scanned(tmp_path)[0][f"{CANCER}/B_1001_1.RIGHT_CC.LJPEG"]
    assert film.lesions[0].pathology == "benign"


@pytest.mark.parametrize("missing", ["B_1001_1.LEFT_CC.LJPEG", "B_1001_1.LEFT_CC.OVERLAY"])
def test_a_missing_film_or_overlay_leaves_that_film_out(tmp_path: Path, missing: str) -> None:
    make_ddsm(tmp_path)
    (tmp_path / CANCER / missing).rename(tmp_path / CANCER / f"{missing}.gz")
    records, (fault,) = scanned(tmp_path)
    assert len(records) == 11
    assert f"{CANCER}/B_1001_1.LEFT_CC.LJPEG" not in records
    assert fault.file == f"{CANCER}/{missing}"
    assert fault.problem == "announced file missing"
    assert "gunzip" in fault.advice


def test_an_unreadable_overlay_leaves_its_film_out(tmp_path: Path) -> None:
    make_ddsm(tmp_path)
    overlay = tmp_path / CANCER / "B_1001_1.LEFT_CC.OVERLAY"
    overlay.write_text(overlay.read_text()[:-20])
    records, (fault,) = scanned(tmp_path)
    assert len(records) == 11
    assert (fault.file, fault.problem) == (overlay.relative_to(tmp_path).as_posix(), "unreadable overlay")
    assert "truncated" in fault.found


def test_an_unreadable_case_leaves_the_others_alone(tmp_path: Path) -> None:
    make_ddsm(tmp_path)
    (tmp_path / CANCER / "B-1001-1.ics").write_text("nothing")
    records, (fault,) = scanned(tmp_path)
    assert len(records) == 8
    assert (fault.file, fault.problem) == (f"{CANCER}/B-1001-1.ics", "unreadable .ics")


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    make_ddsm(tmp_path / "root")
    ics = tmp_path / "root" / CANCER / "B-1001-1.ics"
    ics.rename(tmp_path / "elsewhere.ics")
    ics.symlink_to(tmp_path / "elsewhere.ics")
    records, (fault,) = scanned(tmp_path / "root")
    assert len(records) == 8
    assert "within the archive's root" in fault.found
