"""A phantom archive on disk, in the layout of a real one: what that archive's reader reads back."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import joblib

from mammo_gan.archives.index import Progress
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.layouts.layout import Layout, Settings, TableRow
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, Outcome, draw_patient
from mammo_gan.archives.records import Density
from mammo_gan.errors import UserError
from mammo_gan.imaging.optical_density import BITS, Scanner

NOTICE = "PHANTOM.txt"
"""The file by which a phantom archive is known for what it is, wherever it is copied to."""

_MOST_PATIENTS = 9999  # DDSM's case numbers have four digits
_SMALLEST_SIDE = 32  # px
_Name = TypeVar("_Name", bound=str)


def _silent(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    return items


class PhantomArchive:
    """Writes phantom archives of one layout.

    Args:
        layout: of the archive that is imitated.
        outcomes: share of patients by "normal", "benign" and "malignant". Where the layout has no place for one of
            them, the others share the patients in the proportion that is given here.
        densities: share of patients by density "A" to "D".
        mass_share: share of masses among the lesions, in [0, 1]; the others are clusters of calcifications.

    Raises:
        UserError: a share is out of its range, or no patient is left that the layout has a place for.
    """

    def __init__(
        self,
        layout: Layout,
        outcomes: Mapping[Outcome, float] = OUTCOMES,
        densities: Mapping[Density, float] = DENSITIES,
        mass_share: float = 0.6,
    ) -> None:
        _check_shares("outcomes", outcomes, get_args(Outcome))
        _check_shares("densities", densities, get_args(Density))
        if not 0 <= mass_share <= 1:
            raise UserError(f"expected a mass_share from 0 to 1, found {mass_share}")
        self.layout, self.densities, self.mass_share = layout, dict(densities), mass_share
        self.outcomes = {outcome: share for outcome, share in outcomes.items() if outcome in layout.outcomes}
        if not sum(self.outcomes.values()):
            raise UserError(
                f"expected outcomes with a share of {' or '.join(layout.outcomes)}, the only patients in "
                f"{layout.name}, found {dict(outcomes)}"
            )

    def __call__(
        self,
        root: Path,
        patients: int,
        height: int,
        width: int,
        scanner: Scanner,
        seed: int,
        jobs: int = 1,
        progress: Progress = _silent,
    ) -> None:
        """Writes `root` with the films of `patients` patients, all at once: beside its place, then renamed.

        The same seed and sizes give the same bytes whatever `jobs` is, and a larger archive begins with the smaller
        one; of its tables, if it has any, with the smaller one's rows.

        Args:
            root: the archive's folder, which must not exist yet or be empty.
            patients: 1 to 9999.
            height: of every film, px; a film is 240 mm high, which fixes the size of a pixel.
            width: of every film, px.
            scanner: by whose calibration optical density becomes digits, where films are digitised.
            seed: of the whole archive.
            jobs: processes; -1 = one for each core.
            progress: passes finished patients on and shows how many there are.

        Raises:
            UserError: `root` holds something already, or a setting is out of its range.
        """
        _check_sizes(patients, height, width, scanner)
        settings = Settings(Grid(height, width), scanner, seed)
        with _folder_written_whole(root) as unfinished:
            parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
            written = parallel(joblib.delayed(self._write)(unfinished, n, settings) for n in range(1, patients + 1))
            told: list[_Told] = list(progress(written, patients, "drawing phantom patients"))
            _write_tables(
                unfinished, self.layout, [row for one in sorted(told, key=lambda one: one.number) for row in one.rows]
            )
            notice = f"Phantom data: drawn by mammo_gan, in the layout of {self.layout.name}. No patient, no film.\n"
            (unfinished / NOTICE).write_text(notice, encoding="ascii")

    def _write(self, root: Path, number: int, settings: Settings) -> _Told:
        patient = draw_patient(number, settings.seed, self.outcomes, self.densities, self.mass_share)
        return _Told(number, self.layout.write_patient(root, patient, settings))


class _Told(NamedTuple):
    """What the tables say of a patient."""

    number: int
    rows: Sequence[TableRow]


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


def _write_tables(root: Path, layout: Layout, rows: Sequence[TableRow]) -> None:
    for table, columns in layout.tables.items():
        with (root / table).open("w", newline="", encoding="ascii") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row.cells for row in rows if row.table == table)


def _check_sizes(patients: int, height: int, width: int, scanner: str) -> None:
    if not 1 <= patients <= _MOST_PATIENTS:
        raise UserError(f"a phantom archive has 1 to {_MOST_PATIENTS} patients, found patients={patients}")
    if min(height, width) < _SMALLEST_SIDE or width > height:
        raise UserError(
            f"a phantom's films are upright and at least {_SMALLEST_SIDE} px wide, found height={height} width={width}"
        )
    if scanner not in BITS:
        raise UserError(f"expected scanner {', '.join(BITS)}, found {scanner}")


def _check_shares(name: str, shares: Mapping[_Name, float], known: tuple[str, ...]) -> None:
    if not set(shares) <= set(known) or min(shares.values(), default=0) < 0 or sum(shares.values()) <= 0:
        raise UserError(f"expected {name} to be shares of {', '.join(known)}, none negative, found {dict(shares)}")
