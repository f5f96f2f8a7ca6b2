"""The page of a study: for each task its jobs, scores, tests and generators, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from mammo_gan.reporting import sections, study_sections
from mammo_gan.reporting.html import Banner, Block, Command, Facts, Report, Section, Table, Text
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.study import MODES, REFERENCE, Cell, Gathered, folds, sizes
from mammo_gan.reporting.study_analysis import Study, command
from mammo_gan.reporting.study_tables import PAPERS_TASK

LEVEL = 0.05
UNTRAINED = (
    "the generators' trainings were followed by a distance over an Inception that has seen no images, and so was the "
    "choice of each one's best iteration; it says little about patches."
)


def study_report(studies: Sequence[Study], gathered: Gathered, paper: Paper, title: str, made_by: str) -> Report:
    """The page.

    Args:
        made_by: the command that makes it again.
    """
    results = gathered.cells[0].results
    untrained = next((cell.results for cell in gathered.cells if cell.results.weights.random), results)
    said = [warning.partition(": ") for warning in (*gathered.warnings, *(w for s in studies for w in s.warnings))]
    warnings = [Banner("warning", f"{headline}:", text) for headline, _, text in said]
    others = [f"{gathered.others} results of other experiments were passed over."] if gathered.others else []
    again: tuple[Block, ...] = (
        *map(Text, (*gathered.notes, *others)),
        Command(made_by),
        Text("PATH stands for folders of yours."),
    )
    return Report(
        title=title,
        subtitle=f"mammo_gan · jobs of {results.experiment} · after {paper.authors}, {paper.venue}",
        summary=" ".join(map(_summary, studies)),
        banners=(*sections.banners(untrained, UNTRAINED), *warnings),
        sections=(
            *(section for study in studies for section in _sections(study, several=len(studies) > 1)),
            Section("again", "How to make it again", again),
        ),
    )


def _summary(study: Study) -> str:
    adjusted = [test.adjusted for test in study.over_folds if test.adjusted is not None]
    shown = sum(p_value < LEVEL for p_value in adjusted)
    tested = (
        f"{shown} of {len(adjusted)} mean differences from {MODES[REFERENCE]} have p < {LEVEL:g} by Holm's correction"
        if adjusted
        else f"no mean difference from {MODES[REFERENCE]} could be tested over folds"
    )
    missing = f", {len(study.missing)} missing" if study.missing else ""
    return f"Task {study.task} ({study.here}): {len(study.cells)} jobs{missing}; {tested}."


def _sections(study: Study, several: bool) -> list[Section]:
    """`several`: other tasks stand on the same page."""
    mass = study.task == PAPERS_TASK
    parts: tuple[tuple[str, str, tuple[Block, ...]], ...] = (
        ("gathered", "What was gathered", _gathered(study)),
        ("figure-9", "Figure 9: F1 by training size" if mass else "F1 by training size", study_sections.f1(study)),
        ("table-3", "Table 3: AUC" if mass else "AUC", (study_sections.scores(study, "auc"),)),
        ("tests", "Modes against the original patches alone", study_sections.tests(study)),
        (
            "figure-15",
            "Figure 15: generated patches" if mass else "Generated patches",
            study_sections.generators(study),
        ),
        ("missing", "Missing jobs", _missing(study)),
    )
    of_task, after = (f"-{study.task}", f", {study.task}") if several else ("", "")
    return [Section(f"{name}{of_task}", f"{heading}{after}", blocks) for name, heading, blocks in parts if blocks]


def _gathered(study: Study) -> tuple[Block, ...]:
    cells, results = study.cells, study.cells[0].results
    of_sizes, of_folds = sizes(cells), folds(cells)
    rows = (
        ("task", study.task),
        ("archive", f"{results.archive}, {results.source}"),
        ("scale, preset", f"{results.scale}, {results.preset}"),
        ("seed", str(results.seed)),
        ("training sizes", f"{len(of_sizes)}: {_listed(of_sizes)}"),
        ("modes", _listed([label for mode, label in MODES.items() if any(cell.mode == mode for cell in cells)])),
        ("folds", f"{len(of_folds)}: {_listed(of_folds)}"),
        ("jobs", f"{len(cells)}; {len(study.missing)} missing"),
        ("test patches", "; ".join(f"fold {fold}: {_tested(cells, fold)}" for fold in of_folds)),
        *((f"trained on, k = {size}", _trained(cells, size)) for size in of_sizes),
        ("device", _listed(sorted({cell.results.device for cell in cells}))),
        ("commit", _listed(sorted({cell.results.commit or "not from a checkout" for cell in cells}))),
    )
    return (Facts(rows), *map(Text, study.said_by_jobs))


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items))


def _tested(cells: Sequence[Cell], fold: int) -> str:
    counts = {cell.values["auc"].n for cell in cells if cell.fold == fold}
    return " or ".join(sorted("not counted" if count is None else f"{count:,}" for count in counts))


def _trained(cells: Sequence[Cell], size: int) -> str:
    """Real patches of each class; a range where folds differ, as where fewer are there than were asked for."""
    counts: dict[str, set[int]] = {}
    for cell in cells:
        for count in cell.results.data.patches:
            if cell.k == size and count.split == "train":
                counts.setdefault(count.label, set()).add(count.patches)
    spans = {label: f"{min(of):,}" + (f" to {max(of):,}" if len(of) > 1 else "") for label, of in counts.items()}
    return ", ".join(f"{span} {label}" for label, span in spans.items()) or "not counted"


def _missing(study: Study) -> tuple[Block, ...]:
    if not study.missing:
        return ()
    table = Table(
        caption="Jobs that were not found, and the command that makes each.",
        headings=("mode", "k", "fold", "command"),
        rows=tuple((MODES[one.mode], str(one.k), str(one.fold), one.command) for one in study.missing),
        numeric=frozenset({1, 2}),
    )
    if len(study.missing) == 1:
        return (table,)
    of_sizes, of_folds = ({getattr(one, name) for one in study.missing} for name in ("k", "fold"))
    modes = [mode for mode in MODES if any(one.mode == mode for one in study.missing)]
    whole = command(study.cells[0], sorted(of_sizes), modes, sorted(of_folds))
    said = "All of them at once, and what lies between them; stages that are there already are not made again:"
    return Text(said), Command(whole), table
