"""A phantom in DDSM's layout, read back by the reader of DDSM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.index import build
from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.layouts import ddsm
from mammo_gan.archives.phantom.layouts.ddsm import DDSMLayout
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, draw_patient
from mammo_gan.archives.records import Mammogram
from mammo_gan.imaging.optical_density import Scanner

HEIGHT, WIDTH, SEED = 256, 140, 7


def write(root: Path, patients: int = 3, scanner: Scanner = "lumisys") -> Path:
    PhantomArchive(DDSMLayout())(root, patients, HEIGHT, WIDTH, scanner, SEED)
    return root


def records_of(root: Path) -> list[Mammogram]:
    records, faults = build(DDSM(), root, "phantom", jobs=1)
    assert not faults
    return records


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("phantom") / "ddsm", patients=6)


def test_the_reader_of_ddsm_reads_what_was_drawn(root: Path) -> None:
    records = records_of(root)
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
    for record in records_of(root):
        folder = {"normal": "normals", "benign": "benigns", "malignant": "cancers"}
        outcome = draw_patient(int(record.patient.split("-")[1]), SEED, OUTCOMES, DENSITIES, 0.6).outcome
        number = record.patient.split("-")[1]
        assert record.image.startswith(f"cases/{folder[outcome]}/{folder[outcome][:-1]}_01/case{number}/B_{number}_1.")


@pytest.mark.parametrize(("scanner", "letter"), [("dba", "A"), ("howtek-mgh", "A"), ("howtek-ismd", "D")])
def test_every_scanner_is_read_back(tmp_path: Path, scanner: Scanner, letter: str) -> None:
    first = records_of(write(tmp_path / "ddsm", 1, scanner))[0]
    assert first.scanner == scanner
    assert first.patient == f"{letter}-0001-1"
    pixels = DDSM().pixels(tmp_path / "ddsm", first)
    assert pixels.max() > 0.6 * 65535


def test_volumes_hold_a_hundred_case_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ddsm, "_CASES_PER_VOLUME", 2)
    volumes = {record.image.split("/")[2][-2:] for record in records_of(write(tmp_path / "ddsm", 3))}
    assert volumes == {"01", "02"}
