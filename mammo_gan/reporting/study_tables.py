"""A study's scores by mode and training size: means over folds, the paper's beside them, the best of each size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammo_gan.reporting.html import Table
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.study import MODES, Cell, folds, sizes

PAPERS_TASK = "mass"
BEST = "★"
UNBROKEN = "\u00a0"  # a space at which no line ends
_DIGITS = 4
_PRINTED = re.compile(r"AUC, (.+), k = (\d+)")


@dataclass(frozen=True, slots=True)
class Mean:
    """Over the folds in which the score was measured; `spread` is their standard deviation, None of one fold."""

    mean: float
    spread: float | None
    folds: tuple[int, ...]

    @property
    def printed(self) -> str:
        return number(self.mean) if self.spread is None else f"{number(self.mean)} ± {number(self.spread)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One score of one task. `papers` is empty where the paper prints none."""

    task: str
    measure: str
    sizes: tuple[int, ...]
    folds: tuple[int, ...]
    means: Mapping[tuple[str, int], Mean]  # by mode and training size
    papers: Mapping[tuple[str, int], float]

    def best(self, size: int) -> set[str]:
        """Modes with the highest mean, as printed; none where the modes don't share all folds."""
        column = {mode: self.means[mode, size] for mode in MODES if (mode, size) in self.means}
        if len(column) < 2 or any(mean.folds != self.folds for mean in column.values()):
            return set()
        highest = max(number(mean.mean) for mean in column.values())
        return {mode for mode, mean in column.items() if number(mean.mean) == highest}

    def best_of_papers(self, size: int) -> set[str]:
        column = {mode: self.papers[mode, size] for mode in MODES if (mode, size) in self.papers}
        return {mode for mode, value in column.items() if value == max(column.values())}


def number(value: float) -> str:
    """As in Table 3."""
    return f"{value:.{_DIGITS}f}"


def grid(cells: Sequence[Cell], measure: str, paper: Paper) -> Grid:
    """The means of the cells of one task."""
    scores: dict[tuple[str, int], dict[int, float]] = {}
    for cell in cells:
        score = cell.score(measure)
        if score is not None:
            scores.setdefault((cell.mode, cell.k), {})[cell.fold] = score
    means = {
        place: Mean(
            mean=float(np.mean(list(of_folds.values()))),
            spread=float(np.std(list(of_folds.values()), ddof=1)) if len(of_folds) > 1 else None,
            folds=tuple(of_folds),
        )
        for place, of_folds in scores.items()
    }
    task = cells[0].task
    papers = papers_aucs(paper) if task == PAPERS_TASK and measure == "auc" else {}
    columns = tuple(sizes(cells))
    return Grid(
        task=task,
        measure=measure,
        sizes=columns,
        folds=tuple(folds(cells)),
        means=means,
        papers={(mode, size): value for (mode, size), value in papers.items() if size in columns},
    )


def papers_aucs(paper: Paper) -> dict[tuple[str, int], float]:
    """Table 3 of alyafi2019_dcgan, by mode and training size."""
    modes = {label: mode for mode, label in MODES.items()}
    found = ((_PRINTED.fullmatch(row.label), row.value) for row in paper.results if row.item == "Table 3")
    return {
        (modes[match[1]], int(match[2])): value for match, value in found if match is not None and value is not None
    }


def whose(cell: Cell) -> str:
    """What a row of ours is headed by: never as if it were the paper's own, unless data and scale are."""
    results = cell.results
    phantom = ", phantom" if results.source == "phantom" else ""
    return f"here{phantom}" if results.scale == "paper" else f"here{phantom}, scale={results.scale}"


def to_html(grid: Grid, here: str, caption: str) -> Table:
    """A row for each mode and a column for each training size, the paper's row below ours."""
    rows = []
    for mode in MODES:
        label = MODES[mode].replace(" ", UNBROKEN)
        rows.append((label, here, *(_cell(grid, mode, size) for size in grid.sizes)))
        if grid.papers:
            rows.append((label, "the paper's", *(_papers_cell(grid, mode, size) for size in grid.sizes)))
    return Table(
        caption=caption,
        headings=("mode", "whose", *(f"k = {size}" for size in grid.sizes)),
        rows=tuple(rows),
        numeric=frozenset(range(2, 2 + len(grid.sizes))),
    )


def _cell(grid: Grid, mode: str, size: int) -> str:
    mean = grid.means.get((mode, size))
    if mean is None:
        return "missing"
    some = "" if mean.folds == grid.folds else f" ({len(mean.folds)} of {len(grid.folds)} folds)"
    return f"{f'{BEST} ' if mode in grid.best(size) else ''}{mean.printed}{some}"


def _papers_cell(grid: Grid, mode: str, size: int) -> str:
    value = grid.papers.get((mode, size))
    if value is None:
        return ""
    return f"{f'{BEST} ' if mode in grid.best_of_papers(size) else ''}{number(value)}"
