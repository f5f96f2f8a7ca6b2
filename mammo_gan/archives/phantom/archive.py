"""A phantom archive on disk, in DDSM's layout: what the reader of DDSM reads back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import joblib

from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, Outcome, Patient, draw_patient
from mammo_gan.archives.records import Density, Laterality, View
from mammo_gan.errors import UserError
from mammo_gan.imaging.ljpeg import write_ljpeg
from mammo_gan.imaging.optical_density import BITS, Scanner, to_digits
from mammo_gan.imaging.outlines import mask_to_chain

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

_VOLUMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType(
    {"normal": ("normals", "normal"), "benign": ("benigns", "benign"), "malignant": ("cancers", "cancer")}
)
_CASES_PER_VOLUME = 100
_MOST_PATIENTS = 9999  # DDSM's case numbers have four digits
_SMALLEST_SIDE = 32  # px
# The letter of a case's files tells where it was digitised.
_DIGITIZERS: Mapping[Scanner, tuple[str, str]] = MappingProxyType(
    {
        "dba": ("A", "DBA M2100 ImageClear"),
        "howtek-mgh": ("A", "HOWTEK 960"),
        "lumisys": ("B", "LUMISYS LASER"),
        "howtek-ismd": ("D", "HOWTEK MultiRad850"),
    }
)
_FILMS: tuple[tuple[str, Laterality, View], ...] = (
    ("LEFT_CC", "L", "CC"),
    ("LEFT_MLO", "L", "MLO"),
    ("RIGHT_CC", "R", "CC"),
    ("RIGHT_MLO", "R", "MLO"),
)
_DENSITY_NUMBER: Mapping[Density, int] = MappingProxyType({"A": 1, "B": 2, "C": 3, "D": 4})


def _silent(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    return items


@dataclass(frozen=True, slots=True)
class _Settings:
    """All that a case's files depend on besides the patient's number."""

    grid: Grid
    scanner: Scanner
    seed: int
    outcomes: Mapping[Outcome, float]
    densities: Mapping[Density, float]
    mass_share: float


def write_ddsm(
    root: Path,
    patients: int,
    height: int,
    width: int,
    scanner: Scanner,
    seed: int,
    jobs: int = 1,
    outcomes: Mapping[Outcome, float] = OUTCOMES,
    densities: Mapping[Density, float] = DENSITIES,
    mass_share: float = 0.6,
    progress: Progress = _silent,
) -> None:
    """Writes `root` with four films for each of `patients` patients, all at once: beside its place, then renamed.

    The same seed and sizes give the same bytes whatever `jobs` is, and a larger archive begins with the smaller one.

    Args:
        root: the archive's folder, which must not exist yet or be empty.
        patients: 1 to 9999.
        height: of every film, px; a film is 240 mm high, which fixes the size of a pixel.
        width: of every film, px.
        scanner: by whose calibration optical density becomes digits.
        seed: of the whole archive.
        jobs: processes; -1 = one for each core.
        outcomes: share of patients by "normal", "benign" and "malignant".
        densities: share of patients by density "A" to "D".
        mass_share: share of masses among the lesions, in [0, 1]; the others are clusters of calcifications.
        progress: passes finished patients on and shows how many there are.

    Raises:
        UserError: `root` holds something already, or a setting is out of its range.
    """
    _check(patients, height, width, scanner, outcomes, densities, mass_share)
    settings = _Settings(Grid(height, width), scanner, seed, dict(outcomes), dict(densities), mass_share)
    with _folder_written_whole(root) as unfinished:
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        cases = parallel(joblib.delayed(_write_case)(unfinished, n, settings) for n in range(1, patients + 1))
        for _ in progress(cases, patients, "drawing phantom patients"):
            pass
        notice = "Phantom data: drawn by mammo_gan, in DDSM's layout. No patient, no film.\n"
        (unfinished / "PHANTOM.txt").write_text(notice, encoding="ascii")


def _write_case(root: Path, number: int, settings: _Settings) -> None:
    patient = draw_patient(number, settings.seed, settings.outcomes, settings.densities, settings.mass_share)
    folder, volume = _VOLUMES[patient.outcome]
    case = root / "cases" / folder / f"{volume}_{1 + (number - 1) // _CASES_PER_VOLUME:02d}" / f"case{number:04d}"
    case.mkdir(parents=True)
    letter, _ = _DIGITIZERS[settings.scanner]
    bits = BITS[settings.scanner]
    for name, laterality, view in _FILMS:
        film = draw_film(patient, laterality, view, settings.grid, settings.seed)
        stem = f"{letter}_{number:04d}_1.{name}"
        write_ljpeg(case / f"{stem}.LJPEG", to_digits(film.intensity, settings.scanner, bits), bits)
        if patient.finding is not None and film.lesion is not None:
            overlay = _overlay(patient.finding, *mask_to_chain(film.lesion))
            (case / f"{stem}.OVERLAY").write_text(overlay, encoding="ascii")
    (case / f"{letter}-{number:04d}-1.ics").write_text(_ics(patient, settings), encoding="ascii")


def _ics(patient: Patient, settings: _Settings) -> str:
    letter, digitizer = _DIGITIZERS[settings.scanner]
    grid = settings.grid
    lines = [
        "ics_version 1.0",
        f"filename {letter}-{patient.number:04d}-1",
        "DATE_OF_STUDY 1 1 2000",
        f"PATIENT_AGE {patient.age}",
        "FILM ",
        "FILM_TYPE REGULAR",
        f"DENSITY {_DENSITY_NUMBER[patient.density]}",
        "DATE_DIGITIZED 1 1 2000",
        f"DIGITIZER {digitizer}",
        "SEQUENCE",
    ]
    for name, laterality, _ in _FILMS:
        overlay = "OVERLAY" if laterality == patient.affected else "NON_OVERLAY"
        lines.append(
            f"{name} LINES {grid.height} PIXELS_PER_LINE {grid.width} BITS_PER_PIXEL {BITS[settings.scanner]} "
            f"RESOLUTION {1000 * grid.mm_per_px:.10g} {overlay}"
        )
    return "\n".join(lines) + "\n"


def _overlay(finding: Finding, column: int, row: int, codes: list[int]) -> str:
    lines = [
        "TOTAL_ABNORMALITIES 1",
        "ABNORMALITY 1",
        f"LESION_TYPE {finding.lesion_type}",
        f"ASSESSMENT {finding.assessment}",
        f"SUBTLETY {finding.subtlety}",
        f"PATHOLOGY {finding.pathology.upper()}",
        "TOTAL_OUTLINES 1",
        "BOUNDARY",
        " ".join(map(str, (column, row, *codes, "#"))),
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def _folder_written_whole(root: Path) -> Iterator[Path]:
    """A folder beside `root`, renamed to it at the end: other processes see all of it or nothing."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(
            f"{root}: expected a folder yet to be made, found something there; remove it or name another one"
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    unfinished = root.with_name(f".{root.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.replace(root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _check(
    patients: int,
    height: int,
    width: int,
    scanner: str,
    outcomes: Mapping[Outcome, float],
    densities: Mapping[Density, float],
    mass_share: float,
) -> None:
    if not 1 <= patients <= _MOST_PATIENTS:
        raise UserError(f"a phantom archive has 1 to {_MOST_PATIENTS} patients, found patients={patients}")
    if min(height, width) < _SMALLEST_SIDE or width > height:
        raise UserError(
            f"a phantom's films are upright and at least {_SMALLEST_SIDE} px wide, found height={height} width={width}"
        )
    if scanner not in _DIGITIZERS:
        raise UserError(f"expected scanner {', '.join(_DIGITIZERS)}, found {scanner}")
    if not 0 <= mass_share <= 1:
        raise UserError(f"expected a mass_share from 0 to 1, found {mass_share}")
    shares: tuple[tuple[str, Mapping[Any, float], tuple[str, ...]], ...] = (
        ("outcomes", outcomes, get_args(Outcome)),
        ("densities", densities, get_args(Density)),
    )
    for name, values, known in shares:
        if not set(values) <= set(known) or min(values.values(), default=0) < 0 or sum(values.values()) <= 0:
            raise UserError(f"expected {name} to be shares of {', '.join(known)}, none negative, found {dict(values)}")
