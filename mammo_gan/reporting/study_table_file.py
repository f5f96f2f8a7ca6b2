"""All cells and all tests of studies in one CSV file, for programs of one's own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from mammo_gan.reporting.study import ALIKE, MEASURES, REFERENCE
from mammo_gan.reporting.study_analysis import Study
from mammo_gan.reporting.study_tests import Difference

COLUMNS = (
    "kind", "task", "k", "mode", "folds", "measure", "value", "spread", "low", "high", "n", "p_value", "p_holm",
    "paper_value", *ALIKE, "file", "note",
)  # fmt: skip


def as_csv(studies: Sequence[Study]) -> str:
    """A row for each cell's score (`cell`), each mean over folds (`mean`), each difference from the original patches
    alone on one fold (`delong`) and over folds (`over folds`), and each cell that isn't there (`missing`).

    `folds` are numbers with spaces between; `low` and `high` bound the interval of 95 %; where nothing is known a
    field is empty.
    """
    with io.StringIO(newline="") as text:
        table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for study in studies:
            results = study.cells[0].results
            same = {name: getattr(results, name) for name in ALIKE} | {"task": study.task}
            table.writerows(same | row for row in _rows(study))
        return text.getvalue()


def _rows(study: Study) -> Iterator[dict[str, object]]:
    for cell in study.cells:
        for measure in MEASURES:
            value = cell.values[measure]
            low, high = value.interval or ("", "")
            row = {"value": "" if value.value is None else value.value, "n": "" if value.n is None else value.n}
            about = {"low": low, "high": high, "file": cell.shown, "note": value.note}
            yield _place("cell", cell.k, cell.mode, (cell.fold,), measure) | row | about
    for measure, grid in study.grids.items():
        for (mode, size), mean in grid.means.items():
            row = {"value": mean.mean, "spread": "" if mean.spread is None else mean.spread}
            printed = {"paper_value": grid.papers.get((mode, size), "")}
            yield _place("mean", size, mode, mean.folds, measure) | row | printed
    yield from (_tested("over folds", difference) for difference in study.over_folds)
    yield from (_tested("delong", difference) for difference in study.by_fold)
    for missing in study.missing:
        yield _place("missing", missing.k, missing.mode, (missing.fold,), "") | {"note": missing.command}


def _place(kind: str, k: int, mode: str, folds: tuple[int, ...], measure: str) -> dict[str, object]:
    return {"kind": kind, "k": k, "mode": mode, "folds": " ".join(map(str, folds)), "measure": measure}


def _tested(kind: str, test: Difference) -> dict[str, object]:
    low, high = test.interval or ("", "")
    numbers = {"value": test.difference, "low": low, "high": high, "note": f"less {REFERENCE}"}
    p_values = {"p_value": test.p_value, "p_holm": test.adjusted}
    known = {name: "" if value is None else value for name, value in p_values.items()}
    return _place(kind, test.k, test.mode, test.folds, test.measure) | numbers | known
