"""A phantom archive on disk, in DDSM's layout: what the reader of DDSM reads back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import joblib

from mammo_gan.archives.index import Progress
from mammo_gan.archives.phantom.case_files import Settings, write_case
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, Outcome
from mammo_gan.archives.records import Density
from mammo_gan.errors import UserError
from mammo_gan.imaging.optical_density import BITS, Scanner

_MOST_PATIENTS = 9999  # DDSM's case numbers have four digits
_SMALLEST_SIDE = 32  # px


def _silent(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    return items


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
    settings = Settings(Grid(height, width), scanner, seed, dict(outcomes), dict(densities), mass_share)
    with _folder_written_whole(root) as unfinished:
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        cases = parallel(joblib.delayed(write_case)(unfinished, n, settings) for n in range(1, patients + 1))
        for _ in progress(cases, patients, "drawing phantom patients"):
            pass
        notice = "Phantom data: drawn by mammo_gan, in DDSM's layout. No patient, no film.\n"
        (unfinished / "PHANTOM.txt").write_text(notice, encoding="ascii")


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
    if scanner not in BITS:
        raise UserError(f"expected scanner {', '.join(BITS)}, found {scanner}")
    if not 0 <= mass_share <= 1:
        raise UserError(f"expected a mass_share from 0 to 1, found {mass_share}")
    shares: tuple[tuple[str, Mapping[Any, float], tuple[str, ...]], ...] = (
        ("outcomes", outcomes, get_args(Outcome)),
        ("densities", densities, get_args(Density)),
    )
    for name, values, known in shares:
        if not set(values) <= set(known) or min(values.values(), default=0) < 0 or sum(values.values()) <= 0:
            raise UserError(f"expected {name} to be shares of {', '.join(known)}, none negative, found {dict(values)}")
