"""A study's cells of one task, averaged and tested; which cells are missing, and what fills them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting import study_tests
from mammo_gan.reporting.figures.generator_grids import read_grid
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.study import MEASURES, MODES, Cell, folds, sizes
from mammo_gan.reporting.study_tables import PAPERS_TASK, Grid, grid, papers_aucs, whose
from mammo_gan.reporting.study_tests import Difference

GENERATED = "generated.png"
# Of a command: what tells the cells apart, and what would run a part of a job.
_REPLACED = ("k", "mode", "fold", "stages")


@dataclass(frozen=True, slots=True)
class Missing:
    """A cell that wasn't found, and the command that makes it."""

    k: int
    mode: str
    fold: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is known of one task.

    here: what ours are headed by
    fold_count: that the patients were dealt to; some may be missing
    generators: a heading and a grid of patches for each training size, in order
    warnings: what could not be shown or tested
    said_by_jobs: the jobs' own warnings
    """

    task: str
    cells: tuple[Cell, ...]
    here: str
    grids: Mapping[str, Grid]  # by measure
    fold_count: int
    over_folds: tuple[Difference, ...]
    by_fold: tuple[Difference, ...]
    generators: tuple[tuple[str, Image.Image], ...]
    missing: tuple[Missing, ...]
    warnings: tuple[str, ...]
    said_by_jobs: tuple[str, ...]


def analyse(cells: Sequence[Cell], paper: Paper, fold_count: int) -> Study:
    """Average and test the cells of one task.

    Args:
        fold_count: that the protocol deals patients to, 2 or more; those not found are missing.

    Raises:
        UserError: two jobs of a fold were judged on different patches.
    """
    of_folds = sorted({*folds(cells), *range(fold_count)})
    by_fold, untested = study_tests.by_fold(cells)
    generators, unread = _generators(cells)
    return Study(
        task=cells[0].task,
        cells=tuple(cells),
        here=whose(cells[0]),
        grids={measure: grid(cells, measure, paper) for measure in MEASURES},
        fold_count=len(of_folds),
        over_folds=study_tests.over_folds(cells, len(of_folds)),
        by_fold=by_fold,
        generators=generators,
        missing=_missing(cells, paper, of_folds),
        warnings=(*untested, *unread),
        said_by_jobs=_said_by(cells),
    )


def _generators(cells: Sequence[Cell]) -> tuple[tuple[tuple[str, Image.Image], ...], tuple[str, ...]]:
    """Of each training size the first fold's grid; both modes with synthetic patches have the same generator."""
    grids: dict[int, tuple[str, Image.Image]] = {}
    warnings = []
    for cell in sorted(cells, key=lambda cell: (cell.k, cell.fold)):
        if "gan" not in cell.mode or cell.k in grids:
            continue
        path = cell.file.with_name(GENERATED)
        try:
            grids[cell.k] = f"k = {cell.k}, fold {cell.fold}", read_grid(path)
        except UserError as error:
            shown = cell.shown.removesuffix(cell.file.name) + GENERATED
            warnings.append(f"{str(error).replace(str(path), shown)}.")
    return tuple(grids.values()), tuple(warnings)


def _missing(cells: Sequence[Cell], paper: Paper, of_folds: Sequence[int]) -> tuple[Missing, ...]:
    """Of the sizes found and, at the paper's scale, of its table; each mode, each fold."""
    task, of_paper = cells[0].task, cells[0].results.scale == "paper" and cells[0].task == PAPERS_TASK
    wanted = {*sizes(cells), *(size for _, size in papers_aucs(paper) if of_paper)}
    found = {cell.key for cell in cells}
    return tuple(
        Missing(k, mode, fold, command(cells[0], (k,), (mode,), (fold,)))
        for k, mode, fold in product(sorted(wanted), MODES, of_folds)
        if (task, k, mode, fold) not in found
    )


def command(sibling: Cell, of_sizes: Sequence[int], modes: Sequence[str], of_folds: Sequence[int]) -> str:
    """The command of a job of the same study with other cells, a sweep where there are several."""
    tokens = shlex.split(sibling.results.command)
    kept = [token for token in tokens if token.partition("=")[0] not in _REPLACED]
    cells = [
        f"{name}={','.join(map(str, values))}"
        for name, values in zip(_REPLACED, (of_sizes, modes, of_folds), strict=False)
    ]
    several = len(of_sizes) * len(modes) * len(of_folds) > 1
    return shlex.join([*kept[:3], *(["-m"] if several else []), *kept[3:], *cells])


def _said_by(cells: Sequence[Cell]) -> tuple[str, ...]:
    """What the jobs themselves warned of, each once with the cells that it was said of."""
    said: dict[str, list[str]] = {}
    for cell in cells:
        for warning in cell.results.data.warnings:
            said.setdefault(warning, []).append(cell.label)
    return tuple(f"{warning} ({'; '.join(of) if len(of) < len(cells) else 'all jobs'})" for warning, of in said.items())
