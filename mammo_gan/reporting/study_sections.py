"""A study's scores, tests and generators as they stand on its page (alyafi2019_dcgan, 5.2 and 9.4)."""

from __future__ import annotations

from collections.abc import Sequence

from mammo_gan.reporting import sections
from mammo_gan.reporting.figures import DARK, LIGHT, Theme
from mammo_gan.reporting.figures.generator_grids import generator_grids
from mammo_gan.reporting.figures.score_over_size import score_over_size
from mammo_gan.reporting.html import Block, Figure, Picture, Table, Text
from mammo_gan.reporting.study import MEASURES, MODES, REFERENCE, folds
from mammo_gan.reporting.study_analysis import Study
from mammo_gan.reporting.study_tables import BEST, PAPERS_TASK, to_html
from mammo_gan.reporting.study_tests import Difference, ratio


def origin(study: Study) -> str:
    """What ends every caption."""
    return sections.origin(study.cells[0].results)


def caption(study: Study, measure: str) -> str:
    """Of the table of a score, less what its marks mean."""
    results = study.cells[0].results
    return (
        f"{MEASURES[measure]} by mode and number k of real positive patches: mean over {len(folds(study.cells))} folds "
        f"± standard deviation over them. Task: {study.task}. Data: {results.archive}, {results.source}; "
        f"scale={results.scale}, preset={results.preset}.{origin(study)}"
    )


def scores(study: Study, measure: str) -> Table:
    """The table of a score."""
    marked = f"{BEST} = the highest of its column, where every mode has all folds. "
    return to_html(study.grids[measure], study.here, marked + caption(study, measure))


def figure_9(study: Study, theme: Theme) -> str:
    """SVG of F1 over training size; its title says what the data are."""
    of_modes: dict[str, dict[int, list[float]]] = {}
    for mode in MODES:
        for cell in study.cells:
            score = cell.score("f1")
            if cell.mode == mode and score is not None:
                of_modes.setdefault(mode, {}).setdefault(cell.k, []).append(score)
    title = f"F1 of the test patches by training size, {study.task} ({study.here})"
    return score_over_size(of_modes, MODES, MEASURES["f1"], title, theme)


def f1(study: Study) -> tuple[Block, ...]:
    """Figure 9, and its numbers."""
    if not study.grids["f1"].means:
        return (Text("F1 was measured in no job."),)
    light, dark = (figure_9(study, theme).encode() for theme in (LIGHT, DARK))
    picture = Picture(light=light, dark=dark, alt="A line of F1 for each mode.", media_type="image/svg+xml")
    said = (
        "F1 over the number k of real positive patches: means over folds, bars of one standard deviation over folds to "
        "either side, each fold as a small open point beside them. Modes are set apart a little, so that none hides "
        "another."
    )
    return Figure(picture, f"{said}{_as_the_papers(study, 'Figure 9')}{origin(study)}"), scores(study, "f1")


def figure_15(study: Study, theme: Theme) -> bytes:
    """PNG of what each generator draws."""
    return generator_grids(study.generators, f"{study.task} ({study.here})", theme)


def generators(study: Study) -> tuple[Block, ...]:
    """Figure 15; nothing where no job has a generator."""
    if not study.generators:
        return ()
    light, dark = (figure_15(study, theme) for theme in (LIGHT, DARK))
    alt = "Grids of generated patches, one for each training size."
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=sections.png_width(light) // 2)
    said = "Patches that each generator G_k drew from noise, at random and unselected; k real patches trained it."
    return (Figure(picture, f"{said}{_as_the_papers(study, 'Figure 15')}{origin(study)}"),)


def _as_the_papers(study: Study, item: str) -> str:
    return f" As the paper's {item}." if study.task == PAPERS_TASK else ""


def tests(study: Study) -> tuple[Block, ...]:
    """Each mode against the original patches alone, over folds and fold by fold."""
    blocks: list[Block] = []
    if study.over_folds:
        said = (
            "Folds are not independent: each trains on patients that the others test on, so that a test which takes "
            "them for independent finds differences too often. The intervals of the mean differences are those of the "
            "corrected resampled t-test (Nadeau and Bengio 2003): with J folds of variance s², the mean's variance is "
            f"taken as (1/J + r) s² instead of s²/J, with J - 1 degrees of freedom; r = {ratio(study.fold_count):.3g} "
            f"is the share of patients that a fold of {study.fold_count} tests over the share that it may train on. "
            "The correction is approximate, and few folds give wide intervals: a difference that isn't shown here may "
            "still be there."
        )
        blocks += [Text(said), _differences(study, study.over_folds, "Mean differences over folds", "folds")]
    if study.by_fold:
        said = (
            "On one fold, DeLong's test compares the areas of two classifiers on the same test patches, a patient's "
            "patches counting as one (DeLong et al. 1988, Obuchowski 1997). It tells these two trained classifiers "
            "apart, and leaves out that another training of the same mode would give another classifier."
        )
        blocks += [Text(said), _differences(study, study.by_fold, "Differences of AUC, fold by fold", "fold")]
    return tuple(blocks) or (Text(f"No mode stands beside {MODES[REFERENCE]} of the same k and fold yet."),)


def _differences(study: Study, found: Sequence[Difference], what: str, folds_heading: str) -> Table:
    count = sum(one.p_value is not None for one in found)
    corrected = (
        f"p after Holm's correction over all {count} comparisons of this table" if count else "none has a p-value"
    )
    rows = (
        (
            f"{MODES[one.mode]} less {MODES[REFERENCE]}",
            str(one.k),
            MEASURES[one.measure],
            ", ".join(map(str, one.folds)),
            f"{one.difference:+.4f}",
            "not known" if one.interval is None else f"{one.interval[0]:+.4f} to {one.interval[1]:+.4f}",
            _p_value(one.p_value),
            _p_value(one.adjusted),
        )
        for one in found
    )
    return Table(
        caption=f"{what}; {corrected}.{origin(study)}",
        headings=("modes", "k", "score", folds_heading, "difference", "95 % interval", "p", "p, Holm"),
        rows=tuple(rows),
        numeric=frozenset({1, 4, 5, 6, 7}),
    )


def _p_value(p_value: float | None) -> str:
    if p_value is None:
        return "not known"
    return f"{p_value:.4f}" if p_value >= 0.0001 else "< 0.0001"
