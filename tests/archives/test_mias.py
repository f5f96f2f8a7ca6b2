"""The MIAS reader, on miniature films and on three real ones where they are at hand."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives import index
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.mias import MIAS, parse_info, parse_row
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.errors import UserError
from tests.archives.miniature import MIAS_ROWS, make_mias

REAL = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"


def scanned(root: Path) -> dict[str, Mammogram]:
    found = list(MIAS().scan(root))
    assert not [fault for fault in found if isinstance(fault, Fault)]
    return {record.image: record for record in found if isinstance(record, Mammogram)}


def test_films_in_the_folder_become_records_and_absent_ones_no_faults(tmp_path: Path) -> None:
    images = make_mias(tmp_path)
    records = scanned(tmp_path)
    assert sorted(records) == images == ["mdb001.pgm", "mdb002.pgm", "mdb003.pgm", "mdb004.pgm"]
    film = records["mdb003.pgm"]
    assert (film.height, film.width, film.bits, film.mm_per_px) == (1024, 1024, 8, 0.2)
    assert (film.view, film.tissue, film.density, film.lesions) == ("MLO", "D", None, ())


def test_pairs_are_patients_and_odd_films_left(tmp_path: Path) -> None:
    make_mias(tmp_path)
    records = scanned(tmp_path)
    assert [record.patient for record in records.values()] == ["mdb001-002", "mdb001-002", "mdb003-004", "mdb003-004"]
    assert [record.laterality for record in records.values()] == ["L", "R", "L", "R"]


def test_y_counts_from_the_bottom(tmp_path: Path) -> None:
    make_mias(tmp_path)
    film = scanned(tmp_path)["mdb004.pgm"]
    assert [lesion.kind for lesion in film.lesions] == ["asymmetry", "mass"]
    assert [lesion.pathology for lesion in film.lesions] == ["benign", "malignant"]
    assert film.lesions[1].box == Box(280, 904, 321, 945)  # x 300, row 1024 - 100, radius 20
    mask = MIAS().mask(tmp_path, film, film.lesions[1])
    rows, columns = np.nonzero(mask)
    assert (columns.mean(), rows.mean()) == (300, 924)
    assert mask.sum() == pytest.approx(np.pi * 20**2, rel=0.01)


def test_a_circle_is_cut_off_at_the_films_edge(tmp_path: Path) -> None:
    make_mias(tmp_path, rows=["mdb011 F CIRC M 1020 1020 30"], absent=())
    film = scanned(tmp_path)["mdb011.pgm"]
    assert film.lesions[0].box == Box(990, 0, 1024, 35)


def test_scattered_calcifications_have_neither_box_nor_mask(tmp_path: Path) -> None:
    make_mias(tmp_path)
    (lesion,) = scanned(tmp_path)["mdb002.pgm"].lesions
    assert (lesion.kind, lesion.pathology) == ("calcification", "malignant")
    assert lesion.box is None
    assert not lesion.has_mask


def test_a_film_without_usable_row_or_header_is_faulty(tmp_path: Path) -> None:
    make_mias(tmp_path, rows=[*MIAS_ROWS, "mdb006 F CIRC X 5 5 5"])
    shutil.copy(tmp_path / "mdb001.pgm", tmp_path / "mdb322.pgm")
    (tmp_path / "mdb003.pgm").write_bytes(b"P5 10")
    faults = {fault.file: fault.found for fault in MIAS().scan(tmp_path) if isinstance(fault, Fault)}
    assert sorted(faults) == ["mdb003.pgm", "mdb006.pgm", "mdb322.pgm"]
    assert "CIRC X" in faults["mdb006.pgm"]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["mdb007 G CIRC B 500 500 9"] * 2, "the same one twice"),
        (["mdb007 G NORM", "mdb007 G CIRC B 500 500 9"], "another story of the film"),
        (["mdb007 G CIRC B 500 500 9", "mdb007 F CIRC B 300 500 9"], "another story of the film"),
        (["mdb007 G CIRC B 500 0 9"], "x, y and radius (500, 0, 9)"),
        (["mdb007 G CIRC B 1024 500 9"], "x, y and radius (1024, 500, 9)"),
    ],
)
def test_rows_that_contradict_each_other_or_the_film_are_faults(tmp_path: Path, rows: list[str], found: str) -> None:
    make_mias(tmp_path, rows=["mdb001 G NORM", *rows], absent=())
    records, (fault,) = index.build(MIAS(), tmp_path, "disk", jobs=1)
    assert [record.image for record in records] == ["mdb001.pgm"]
    assert fault.file == "mdb007.pgm"
    assert found in fault.found


def test_a_film_of_another_size_has_another_scale(tmp_path: Path) -> None:
    make_mias(tmp_path, rows=["mdb001 G NORM"], absent=(), size=512)
    assert scanned(tmp_path)["mdb001.pgm"].mm_per_px is None


def test_films_without_info_are_no_archive(tmp_path: Path) -> None:
    make_mias(tmp_path)
    (tmp_path / "Info.txt").unlink()
    with pytest.raises(UserError, match=r"no Info\.txt.*MIAS_ROOT"):
        list(MIAS().scan(tmp_path))


@pytest.mark.parametrize(
    "line", ["mdb1 G NORM", "mdb001 X NORM", "mdb001 G CIRC", "mdb001 G CIRC B 1 2", "mdb001 G CIRC B 1 2 0"]
)
def test_other_rows_are_refused(line: str) -> None:
    with pytest.raises(UserError, match="expected"):
        parse_row(line)


@given(
    st.lists(
        st.sampled_from(["mdb001", "G", "NORM", "CALC", "B", "12", "*NOTE 3*", "\n", "\u0663"]) | st.text(max_size=5)
    )
)
def test_any_text_is_parsed_or_named(words: list[str]) -> None:
    rows, faulty = parse_info(" ".join(words))
    assert all(len(film) == 3 for film in [*rows, *faulty])


def test_real_films(tmp_path: Path) -> None:
    if not (REAL / "mini_mias_215.tar.xz").is_file():
        pytest.skip(f"no real films: {REAL} isn't there")
    shutil.copy(REAL / "Info.txt", tmp_path)
    with tarfile.open(REAL / "mini_mias_215.tar.xz") as tar:
        wanted = {"mdb001.pgm", "mdb002.pgm", "mdb003.pgm"}
        for member in tar:  # the films stand first, so that little has to be unpacked
            if member.name in wanted:
                tar.extract(member, tmp_path, filter="data")
                wanted.remove(member.name)
            if not wanted:
                break
    records, faults = index.build(MIAS(), tmp_path, "disk", jobs=1)
    assert not faults
    assert [record.tissue for record in records] == ["G", "G", "D"]
    left, right, normal = records
    assert left.lesions[0].box == Box(535 - 197, 1024 - 425 - 197, 535 + 198, 1024 - 425 + 198)
    assert right.lesions[0].kind == "mass"
    assert normal.lesions == ()
    # A circumscribed mass is denser than the breast around it; with y from the top it wouldn't be.
    pixels = MIAS().pixels(tmp_path, right).astype(float)
    mask = MIAS().mask(tmp_path, right, right.lesions[0])
    assert pixels[mask].mean() > pixels[mask[::-1]].mean()
