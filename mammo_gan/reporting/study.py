"""The jobs of a study: their results found below folders, and one chosen for each training size, mode and fold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo_gan.errors import UserError
from mammo_gan.reporting.results import Results, Value, read_results

RESULTS = "results.json"
REFERENCE = "org"
# In the order of alyafi2019_dcgan, Table 3, and as it calls them.
MODES = {"org": "ORG", "gan": "GAN", "aug_org": "Aug ORG", "aug_gan": "Aug GAN"}
MEASURES = {"f1": "F1", "auc": "AUC"}
# What is averaged must agree in these.
ALIKE = ("scale", "source", "archive", "preset", "seed")
_SETTINGS = ("task", "k", "mode", "fold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A job's result. `shown` names its file without the folders above those that were asked for."""

    task: str
    k: int
    mode: str
    fold: int
    file: Path
    shown: str
    results: Results
    values: dict[str, Value]  # by the names of MEASURES

    @property
    def key(self) -> tuple[str, int, str, int]:
        return self.task, self.k, self.mode, self.fold

    @property
    def label(self) -> str:
        return f"{MODES[self.mode]}, k = {self.k}, fold {self.fold}"

    def score(self, measure: str) -> float | None:
        return self.values[measure].value


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What stands below the folders.

    cells: one of each task, training size, mode and fold, in this order (modes as in MODES)
    warnings: what was left out, a sentence each
    notes: of what was found twice
    others: results of other experiments, passed over
    """

    cells: tuple[Cell, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    others: int


def gather(folders: Sequence[Path]) -> Gathered:
    """Read each results.json below the folders, and take the newest of each cell.

    A broken one is left out with a warning; one of another experiment (other settings) is passed over.

    Raises:
        UserError: a folder isn't there, none holds a job's results, or the jobs can't be averaged.
    """
    found: list[Cell] = []
    warnings: list[str] = []
    others = 0
    for file, shown in _files(folders):
        try:
            cell = _cell(file, shown)
        except UserError as error:
            warnings.append(f"Left out: {str(error).replace(str(file), shown)}.")
            continue
        if cell is None:
            others += 1
        else:
            found.append(cell)
    if not found:
        said = f"; {len(warnings)} are broken: {' '.join(warnings)}" if warnings else ""
        raise UserError(
            f"runs=[{', '.join(map(str, folders))}]: expected results.json of experiment=dcgan_augmentation below, "
            f"found none among {others + len(warnings)} files{said}; name the folders that its jobs or sweeps wrote"
        )
    _check_alike(found)
    cells, notes = _newest(found)
    return Gathered(cells=cells, warnings=tuple(warnings), notes=notes, others=others)


def _files(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Each file once, with the name that it is shown by."""
    files: dict[Path, tuple[Path, str]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"runs: expected a folder of jobs, found none at {folder}; name one that a sweep wrote")
        for file in sorted(folder.rglob(RESULTS)):
            shown = (Path(folder.resolve().name) / file.relative_to(folder)).as_posix()
            files.setdefault(file.resolve(), (file, shown))
    return list(files.values())


def _cell(file: Path, shown: str) -> Cell | None:
    """Raises UserError, with the file's name in front, where something in it is wrong."""
    results = read_results(file)
    settings, advice = results.settings, "run the job's report stage again"
    if not settings.keys() >= set(_SETTINGS):
        return None
    task, k, mode, fold = (settings[name] for name in _SETTINGS)
    # The task becomes part of a file's name.
    if not (isinstance(task, str) and re.fullmatch(r"[A-Za-z0-9][\w-]*", task) and mode in MODES):
        raise UserError(f"{file}: expected a task and a mode ({', '.join(MODES)}), found {task!r}, {mode!r}; {advice}")
    if not (isinstance(k, int) and k > 0 and isinstance(fold, int) and fold >= 0):
        raise UserError(f"{file}: expected k of 1 or more and fold of 0 or more, found {k!r}, {fold!r}; {advice}")
    values = {name: _value(file, results, name) for name in MEASURES}
    return Cell(task=task, k=k, mode=str(mode), fold=fold, file=file, shown=shown, results=results, values=values)


def _value(file: Path, results: Results, name: str) -> Value:
    """The value of that name, of whichever protocol, as in classification/f1."""
    named = [value for value in results.values if value.name.rpartition("/")[2] == name]
    if len(named) != 1:
        raise UserError(
            f"{file}: expected one value {name}, found {len(named)} among "
            f"{', '.join(value.name for value in results.values) or 'none'}; run the job's stages evaluate and report"
        )
    return named[0]


def _check_alike(cells: Sequence[Cell]) -> None:
    kinds: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(tuple(getattr(cell.results, name) for name in ALIKE), []).append(cell)
    if len(kinds) == 1:
        return
    said = "; ".join(
        f"{len(members)} with {' '.join(f'{name}={value}' for name, value in zip(ALIKE, kind, strict=True))} in "
        f"{os.path.commonpath([cell.file.parent.absolute() for cell in members])}"
        for kind, members in kinds.items()
    )
    raise UserError(
        f"runs: expected jobs of one {', '.join(ALIKE[:-1])} and {ALIKE[-1]}, since others may not be averaged; found "
        f"{said}; name folders that hold jobs of one kind, as in runs=[FOLDER]"
    )


def _newest(found: Sequence[Cell]) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """The cells in order, and a note for each that was found more than once."""
    by_key: dict[tuple[str, int, str, int], list[Cell]] = {}
    for cell in sorted(found, key=lambda cell: (cell.file.stat().st_mtime_ns, cell.shown), reverse=True):
        by_key.setdefault(cell.key, []).append(cell)
    modes = list(MODES)
    cells = sorted(
        (same[0] for same in by_key.values()), key=lambda cell: (cell.task, cell.k, modes.index(cell.mode), cell.fold)
    )
    notes = (
        f"{cell.label}: found {len(by_key[cell.key])} times; the newest counts, {cell.shown}, not "
        f"{', '.join(older.shown for older in by_key[cell.key][1:])}."
        for cell in cells
        if len(by_key[cell.key]) > 1
    )
    return tuple(cells), tuple(notes)


def sizes(cells: Iterable[Cell]) -> list[int]:
    """Training sizes that occur, in order."""
    return sorted({cell.k for cell in cells})


def folds(cells: Iterable[Cell]) -> list[int]:
    """Folds that occur, in order."""
    return sorted({cell.fold for cell in cells})
