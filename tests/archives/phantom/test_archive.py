from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.phantom import case_files
from mammo_gan.archives.phantom.archive import write_ddsm
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, draw_patient
from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError
from mammo_gan.imaging.optical_density import Scanner

HEIGHT, WIDTH, SEED = 256, 140, 7


def write(root: Path, patients: int = 3, scanner: Scanner = "lumisys", **settings: Any) -> Path:
    write_ddsm(root, patients, HEIGHT, WIDTH, scanner, SEED, **settings)
    return root


def scan(root: Path) -> list[Mammogram]:
    found = list(DDSM().scan(root))
    assert all(isinstance(record, Mammogram) for record in found), found
    return [record for record in found if isinstance(record, Mammogram)]


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("phantom") / "ddsm", patients=6)


def test_the_reader_of_ddsm_reads_what_was_drawn(root: Path) -> None:
    records = scan(root)
    assert len(records) == 6 * 4
    grid = Grid(HEIGHT, WIDTH)
    for record in records:
        patient = draw_patient(int(record.patient.split("-")[1]), SEED, OUTCOMES, DENSITIES, 0.6)
        assert record.laterality is not None
        assert record.view is not None
        film = draw_film(patient, record.laterality, record.view, grid, SEED)
        assert (record.density, record.age, record.scanner) == (patient.density, patient.age, "lumisys")
        assert record.mm_per_px == pytest.approx(240 / HEIGHT)
        pixels = DDSM().pixels(root, record).astype(int)
        assert np.abs(pixels - film.intensity).max() <= 12  # half a digit of the scanner
        assert bool(record.lesions) == (film.lesion is not None)
        for lesion in record.lesions:
            assert patient.finding is not None
            assert (lesion.kind, lesion.pathology) == (patient.finding.kind, patient.finding.pathology)
            assert lesion.assessment == patient.finding.assessment
            assert lesion.description == patient.finding.lesion_type
            np.testing.assert_array_equal(DDSM().mask(root, record, lesion), film.lesion)


def test_cases_lie_where_ddsm_has_them(root: Path) -> None:
    for record in scan(root):
        folder = {"normal": "normals", "benign": "benigns", "malignant": "cancers"}
        outcome = draw_patient(int(record.patient.split("-")[1]), SEED, OUTCOMES, DENSITIES, 0.6).outcome
        number = record.patient.split("-")[1]
        assert record.image.startswith(f"cases/{folder[outcome]}/{folder[outcome][:-1]}_01/case{number}/B_{number}_1.")


def test_the_same_bytes_whatever_the_number_of_jobs(root: Path, tmp_path: Path) -> None:
    assert content(write(tmp_path / "again", patients=6, jobs=2)) == content(root)


def test_more_patients_leave_the_earlier_ones_as_they_are(root: Path, tmp_path: Path) -> None:
    larger = content(root)
    smaller = content(write(tmp_path / "smaller", patients=2))
    assert smaller.items() <= larger.items()


def test_another_seed_draws_others(root: Path, tmp_path: Path) -> None:
    write_ddsm(tmp_path / "other", 1, HEIGHT, WIDTH, "lumisys", SEED + 1)
    others, known = content(tmp_path / "other"), set(content(root).values())
    assert not {data for name, data in others.items() if name.endswith("LJPEG")} & known


@pytest.mark.parametrize(("scanner", "letter"), [("dba", "A"), ("howtek-mgh", "A"), ("howtek-ismd", "D")])
def test_every_scanner_is_read_back(tmp_path: Path, scanner: Scanner, letter: str) -> None:
    first = scan(write(tmp_path / "ddsm", 1, scanner))[0]
    assert first.scanner == scanner
    assert first.patient == f"{letter}-0001-1"
    pixels = DDSM().pixels(tmp_path / "ddsm", first)
    assert pixels.max() > 0.6 * 65535


def test_nothing_that_is_there_already_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="ascii")
    with pytest.raises(UserError, match="found something there"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted(items: Iterable[Any], total: int, description: str) -> Iterator[Any]:
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "ddsm", progress=interrupted)
    assert not list(tmp_path.iterdir())


def test_progress_counts_patients(tmp_path: Path) -> None:
    calls = []

    def count(items: Iterable[Any], total: int, description: str) -> Iterator[Any]:
        for number, item in enumerate(items, start=1):
            calls.append((number, total))
            yield item

    write(tmp_path / "ddsm", 2, progress=count)
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patients": 0}, "1 to 9999 patients, found patients=0"),
        ({"scanner": "epson"}, "expected scanner dba, .* found epson"),
        ({"mass_share": 1.5}, "found 1.5"),
        ({"outcomes": {"cured": 1.0}}, "expected outcomes to be shares of normal, benign, malignant"),
        ({"densities": {"A": -1.0, "B": 2.0}}, "none negative"),
        ({"densities": {}}, "expected densities"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / "ddsm", **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("height", "width"), [(100, 31), (100, 101)])
def test_films_are_upright_and_not_too_small(tmp_path: Path, height: int, width: int) -> None:
    with pytest.raises(UserError, match=f"height={height} width={width}"):
        write_ddsm(tmp_path / "ddsm", 1, height, width, "lumisys", SEED)


def test_volumes_hold_a_hundred_case_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(case_files, "_CASES_PER_VOLUME", 2)
    volumes = {record.image.split("/")[2][-2:] for record in scan(write(tmp_path / "ddsm", 3))}
    assert volumes == {"01", "02"}


@pytest.mark.slow
def test_two_hundred_small_films_take_less_than_a_minute_on_two_cores(tmp_path: Path) -> None:
    start = time.perf_counter()
    write_ddsm(tmp_path / "ddsm", 50, 344, 188, "lumisys", SEED, jobs=2)
    assert time.perf_counter() - start < 60
