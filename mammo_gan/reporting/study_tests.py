"""Each mode of a study against the original patches alone: DeLong's test a fold, and the mean over folds."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.table import numbers, read_columns
from mammo_gan.reporting.study import MEASURES, MODES, REFERENCE, Cell
from mammo_gan.statistics import roc
from mammo_gan.statistics.folds import MeanDifference, corrected_t
from mammo_gan.statistics.multiple import holm

SCORES = "scores.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mode's score less the reference's, of one task and training size.

    folds: those that it is of, one or several
    interval: of 95 %; None where it can't be known
    adjusted: the p-value after Holm's correction over all differences of its kind; None where there is no p-value
    """

    task: str
    k: int
    mode: str
    measure: str
    folds: tuple[int, ...]
    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class _Scores:
    """Of the test patches: whose each is, (N,) 1 = positive, (N,) score."""

    patients: list[str]
    labels: NDArray[np.float64]
    scores: NDArray[np.float64]


def by_fold(cells: Sequence[Cell]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """DeLong's paired test of the AUCs of each cell and its reference, a patient's patches counting as one.

    Returns:
        The differences, and a warning for each that could not be tested.

    Raises:
        UserError: the two were judged on different patches.
    """
    found, warnings = [], []
    for cell, reference in _pairs(cells):
        what = f"Not tested, {cell.label} against {MODES[REFERENCE]}"
        try:
            ours, originals = _read(cell), _read(reference)
        except UserError as error:
            warnings.append(f"{what}: {error}.")
            continue
        _check_same_patches((cell, ours), (reference, originals))
        try:
            areas = roc.delong(np.stack([ours.scores, originals.scores]), ours.labels, ours.patients)
        except ValueError as error:
            warnings.append(f"{what}: {error}.")
            continue
        test = roc.compare(areas)
        found.append(_difference(cell, "auc", (cell.fold,), test))
    return _adjusted(found), tuple(warnings)


def ratio(fold_count: int) -> float:
    """Patients that a fold of a cross-validation tests, over those that it may train on: all others.

    A small training size doesn't raise it: fewer of the same patients are taken, and the folds share no more of them.
    """
    return 1 / (fold_count - 1)


def over_folds(cells: Sequence[Cell], fold_count: int) -> tuple[Difference, ...]:
    """Mean difference of each measure over the folds that a mode shares with its reference, where it was measured.

    Args:
        fold_count: that the patients were dealt to, 2 or more.
    """
    paired: dict[tuple[str, str, int, str], list[tuple[Cell, float]]] = {}
    for measure in MEASURES:
        for cell, reference in _pairs(cells):
            score, original = cell.score(measure), reference.score(measure)
            if score is not None and original is not None:
                group = paired.setdefault((measure, cell.task, cell.k, cell.mode), [])
                group.append((cell, score - original))
    found = []
    for (measure, *_), group in paired.items():
        of_folds = tuple(cell.fold for cell, _ in group)
        test = corrected_t([difference for _, difference in group], ratio(fold_count))
        found.append(_difference(group[0][0], measure, of_folds, test))
    return _adjusted(found)


def _pairs(cells: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Each cell of another mode with the reference of the same task, training size and fold, where there is one."""
    references = {(cell.task, cell.k, cell.fold): cell for cell in cells if cell.mode == REFERENCE}
    for cell in cells:
        reference = references.get((cell.task, cell.k, cell.fold))
        if cell.mode != REFERENCE and reference is not None:
            yield cell, reference


def _read(cell: Cell) -> _Scores:
    """Raises UserError, which names the file as it is shown, where it is missing or broken."""
    path = cell.file.with_name(SCORES)
    shown = cell.shown.removesuffix(cell.file.name) + SCORES
    try:
        columns = read_columns(path, ("patient", "label", "score"))
    except UserError as error:
        raise UserError(str(error).replace(str(path), shown)) from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{shown}: expected a table, found a fault ({error})") from error
    labels, scores = numbers(columns["label"]), numbers(columns["score"])
    if not (np.isin(labels, (0, 1)).all() and np.isfinite(scores).all()):
        raise UserError(f"{shown}: expected labels of 0 and 1 and finite scores, found others")
    return _Scores(columns["patient"], labels, scores)


def _check_same_patches(ours: tuple[Cell, _Scores], reference: tuple[Cell, _Scores]) -> None:
    (cell, scores), (other, originals) = ours, reference
    rows = list(zip(scores.patients, scores.labels, strict=True))
    others = list(zip(originals.patients, originals.labels, strict=True))
    if rows == others:
        return
    first = next((i for i, pair in enumerate(zip(rows, others, strict=False)) if pair[0] != pair[1]), None)
    where = f"{len(rows)} and {len(others)} rows" if first is None else f"others from row {first + 1} on"
    raise UserError(
        f"{cell.file.with_name(SCORES)} and {other.file.with_name(SCORES)}: expected the same test patches in the same "
        f"order (patient and label), found {where}; they are of different data or splits: name folders of one study"
    )


def _difference(cell: Cell, measure: str, folds: tuple[int, ...], test: roc.Comparison | MeanDifference) -> Difference:
    return Difference(
        task=cell.task,
        k=cell.k,
        mode=cell.mode,
        measure=measure,
        folds=folds,
        difference=test.difference,
        interval=test.interval,
        p_value=test.p_value,
    )


def _adjusted(found: Sequence[Difference]) -> tuple[Difference, ...]:
    p_values = [np.nan if one.p_value is None else one.p_value for one in found]
    return tuple(
        replace(one, adjusted=None if np.isnan(adjusted) else float(adjusted))
        for one, adjusted in zip(found, holm(p_values), strict=True)
    )
