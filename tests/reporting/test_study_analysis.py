from __future__ import annotations

import csv
import io
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mammo_gan.errors import UserError
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import Value, write_results
from mammo_gan.reporting.study import MODES, gather
from mammo_gan.reporting.study_analysis import Study, analyse
from mammo_gan.reporting.study_latex import to_latex
from mammo_gan.reporting.study_sections import caption
from mammo_gan.reporting.study_table_file import COLUMNS, as_csv
from mammo_gan.reporting.study_tables import BEST, papers_aucs, to_html
from tests.reporting import study_runs
from tests.reporting.study_runs import TESTED, write_sweep

PAPER = read_paper(Path(__file__).parents[2] / "experiments/alyafi2019_dcgan/paper.toml")
SIZES, FOLDS = (100, 250), (0, 1, 2)


def study(folder: Path, folds: int = 3) -> Study:
    return analyse(gather([folder]).cells, PAPER, folds)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("study") / "sweep", SIZES, folds=FOLDS)


@pytest.fixture(scope="module")
def whole(sweep: Path) -> Study:
    return study(sweep)


def holm(p_values: list[float]) -> list[float]:
    """By definition: the largest of the multiplied p-values up to and with each."""
    ranked = sorted(p_values)
    return [min(1.0, max((len(ranked) - i) * p for i, p in enumerate(ranked) if p <= value)) for value in p_values]


@pytest.mark.parametrize(("measure", "score"), [("f1", study_runs.f1), ("auc", study_runs.auc)])
def test_means_and_spreads_are_those_of_the_folds(whole: Study, measure: str, score: object) -> None:
    assert callable(score)
    for k in SIZES:
        for mode in MODES:
            found = whole.grids[measure].means[mode, k]
            values = [score(k, mode, fold) for fold in FOLDS]
            assert found.mean == pytest.approx(sum(values) / 3)
            assert found.spread == pytest.approx((sum((v - sum(values) / 3) ** 2 for v in values) / 2) ** 0.5)
            assert found.folds == FOLDS


def test_mean_differences_are_tested_with_the_correction(whole: Study) -> None:
    assert len(whole.over_folds) == 2 * len(SIZES) * 3
    for found in whole.over_folds:
        score = {"f1": study_runs.f1, "auc": study_runs.auc}[found.measure]
        d = np.array([score(found.k, found.mode, fold) - score(found.k, "org", fold) for fold in FOLDS])
        error = np.sqrt((1 / 3 + 1 / 2) * np.var(d, ddof=1))
        low, high = stats.t.interval(0.95, 2, loc=d.mean(), scale=error)
        assert found.difference == pytest.approx(d.mean())
        assert found.interval == pytest.approx((low, high))
        assert found.p_value == pytest.approx(2 * stats.t.cdf(-abs(d.mean()) / error, 2))
    p_values = [test.p_value for test in whole.over_folds if test.p_value is not None]
    assert [test.adjusted for test in whole.over_folds] == pytest.approx(holm(p_values))


def clustered_variance(k: int, mode: str, fold: int) -> tuple[float, float]:
    """Difference of areas to org and its variance, patient by patient (Obuchowski 1997) from all pairs."""
    patients, labels, ours = study_runs.scores(k, mode, fold)
    _, _, reference = study_runs.scores(k, "org", fold)
    names, positive = np.array(patients), labels == 1
    kernel = np.zeros((positive.sum(), (~positive).sum()))
    for scores, sign in ((ours, 1), (reference, -1)):
        kernel += sign * (scores[positive][:, None] > scores[~positive][None])
    difference = kernel.mean()
    of_positives, of_negatives = kernel.mean(axis=1) - difference, kernel.mean(axis=0) - difference
    m, n, everyone = kernel.shape[0], kernel.shape[1], sorted(set(names))
    sums = np.array(
        [[of_positives[names[positive] == p].sum(), of_negatives[names[~positive] == p].sum()] for p in everyone]
    )
    with_positive, with_negative = len(set(names[positive])), len(set(names[~positive]))
    s10 = with_positive / (with_positive - 1) * (sums[:, 0] ** 2).sum() / m**2
    s01 = with_negative / (with_negative - 1) * (sums[:, 1] ** 2).sum() / n**2
    s11 = len(everyone) / (len(everyone) - 1) * (sums[:, 0] * sums[:, 1]).sum() / (m * n)
    return float(difference), float(s10 + s01 + 2 * s11)


def test_each_fold_has_delongs_paired_test_over_patients(whole: Study) -> None:
    assert [(test.k, test.mode, test.folds) for test in whole.by_fold] == [
        (k, mode, (fold,)) for k in SIZES for mode in MODES if mode != "org" for fold in FOLDS
    ]
    for found in whole.by_fold:
        difference, variance = clustered_variance(found.k, found.mode, found.folds[0])
        assert found.difference == pytest.approx(difference)
        assert found.p_value == pytest.approx(2 * stats.norm.cdf(-abs(difference) / variance**0.5))
        reach = stats.norm.ppf(0.975) * variance**0.5
        assert found.interval == pytest.approx((difference - reach, difference + reach))
    p_values = [test.p_value for test in whole.by_fold if test.p_value is not None]
    assert [test.adjusted for test in whole.by_fold] == pytest.approx(holm(p_values))


def test_jobs_of_other_patches_are_refused(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, (100,), ("org", "gan"), (0,))
    path = folder / "1" / "scores.csv"
    header, first, second, *rest = path.read_text().splitlines(keepends=True)
    swapped = [f"other{second}", first]
    for text, said in (
        ("".join([header, *swapped, *rest]), "others from row 1 on"),
        ("".join([header, first, second, *rest[:-1]]), f"{TESTED - 1} and {TESTED} rows"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=f"{re.escape(str(path))} and .*same test patches.*{said}"):
            study(folder)


BROKEN = [None, "patient,label\na,1\n", "patient,label,score\na,1,nan\n", "\x00", "patient\n" + 200_000 * "a"]


@pytest.mark.parametrize("text", BROKEN, ids=["missing", "short", "nan", "nul", "long"])
def test_scores_that_cannot_be_read_leave_out_that_test_alone(tmp_path: Path, text: str | None) -> None:
    folder = write_sweep(tmp_path / "sweep", (100,), ("org", "gan", "aug_gan"), (0,))
    before = study(folder)
    path = folder / "1" / "scores.csv"
    path.unlink()
    if text is not None:
        path.write_text(text)
    found = study(folder)
    (warning,) = found.warnings
    assert warning.startswith("Not tested, GAN, k = 100, fold 0 against ORG: sweep/1/scores.csv: expected")
    assert str(tmp_path) not in warning
    (kept,) = found.by_fold
    assert kept.mode == "aug_gan"
    assert kept.p_value == {test.mode: test for test in before.by_fold}["aug_gan"].p_value
    assert found.grids == before.grids


def test_a_fold_of_one_class_has_no_test(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, (100,), ("org", "gan"), (0,))
    for job in ("0", "1"):
        (folder / job / "scores.csv").write_text("patient,label,score\na,1,0.5\n")
    found = study(folder)
    assert found.by_fold == ()
    assert "an AUC needs both classes" in found.warnings[0]


def test_missing_cells_have_the_command_that_fills_them(sweep: Path, tmp_path: Path) -> None:
    assert study(sweep).missing == ()
    folder = write_sweep(tmp_path, (100,), ("org", "gan"), (0,))
    found = study(folder)
    places = {(one.k, one.mode, one.fold) for one in found.missing}
    assert places == {(100, mode, fold) for mode in MODES for fold in FOLDS} - {(100, "org", 0), (100, "gan", 0)}
    (one,) = (one for one in found.missing if (one.mode, one.fold) == ("aug_org", 2))
    assert shlex.split(one.command) == shlex.split(
        "python -m mammo_gan.run experiment=dcgan_augmentation source=phantom scale=demo archive.root=PATH k=100 "
        "mode=aug_org fold=2"
    )


def test_at_the_papers_scale_its_sizes_are_expected(tmp_path: Path) -> None:
    papers = {k for _, k in papers_aucs(PAPER)}
    assert papers == {100, 250, 500, 750, 1000, 1300}
    whole_sweep = write_sweep(tmp_path / "mass", (100,), scale="paper", source="disk")
    assert {one.k for one in study(whole_sweep).missing} == papers - {100}
    others = write_sweep(tmp_path / "malignancy", (50,), task="malignancy", scale="paper", source="disk")
    assert study(others).missing == ()


def test_the_papers_values_stand_beside_ours_for_its_own_task_alone(whole: Study, tmp_path: Path) -> None:
    table = to_html(whole.grids["auc"], whole.here, "caption")
    assert table.headings == ("mode", "whose", "k = 100", "k = 250")
    assert {row[1] for row in table.rows} == {"here, phantom, scale=demo", "the paper's"}
    papers = [[cell.removeprefix(f"{BEST} ") for cell in row[2:]] for row in table.rows if row[1] == "the paper's"]
    assert papers == [["0.9836", "0.9848"], ["0.9843", "0.9902"], ["0.9877", "0.9896"], ["0.9902", "0.9984"]]
    assert not whole.grids["f1"].papers
    malignancy = study(write_sweep(tmp_path, (100,), task="malignancy"))
    assert not malignancy.grids["auc"].papers
    assert "the paper's" not in str(to_html(malignancy.grids["auc"], malignancy.here, ""))


def test_the_best_of_each_column_is_marked_where_all_folds_are_there(whole: Study, tmp_path: Path) -> None:
    table = to_html(whole.grids["f1"], whole.here, "caption")
    for column in (2, 3):
        assert [row[column].startswith(BEST) for row in table.rows] == [False, False, False, True]
    folder = write_sweep(tmp_path, SIZES)
    for path in ("0", "14"):  # org at 100; gan at 250 of the last fold
        (folder / path / "results.json").unlink()
    partial = to_html(study(folder).grids["f1"], "here", "caption")
    assert not any(BEST in cell for row in partial.rows for cell in row)
    assert partial.rows[0][2].endswith("(2 of 3 folds)")


def test_latex_holds_the_same_numbers_with_the_best_in_bold(whole: Study) -> None:
    text = to_latex(whole.grids["auc"], whole.here, caption(whole, "auc"))
    rows = [line.strip() for line in text.splitlines() if line.strip().endswith("\\\\")]
    assert len(rows) == 1 + 2 * len(MODES)
    assert all(row.count("&") == 3 for row in rows)
    assert r"Aug~GAN & the paper's & \textbf{0.9902} & \textbf{0.9984} \\" in rows
    mean = whole.grids["auc"].means["gan", 100]
    assert f"{mean.mean:.4f} $\\pm$ {mean.spread:.4f}" in text
    assert "Phantom data." in text
    assert text.count("{") == text.count("}")
    assert text.isascii()


def test_the_csv_file_holds_all_cells_and_all_tests(whole: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([whole]))))
    assert set(rows[0]) == set(COLUMNS)
    counts = {kind: sum(row["kind"] == kind for row in rows) for kind in ("cell", "mean", "over folds", "delong")}
    assert counts == {"cell": 48, "mean": 16, "over folds": 12, "delong": 18}
    assert {row["source"] for row in rows} == {"phantom"}
    for row in rows:
        k, mode, folds = int(row["k"]), row["mode"], [int(fold) for fold in row["folds"].split()]
        score = {"f1": study_runs.f1, "auc": study_runs.auc}[row["measure"]]
        less = np.mean([score(k, "org", fold) for fold in folds]) if row["kind"] in ("over folds", "delong") else 0
        assert float(row["value"]) == pytest.approx(np.mean([score(k, mode, fold) for fold in folds]) - less)


def test_a_score_that_was_not_measured_is_left_out_of_means(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, (100,), ("org", "gan"))
    whole = study_runs.results(100, "org", 0)
    unmeasured = Value(name="classification/f1", label="F1", value=None, note="no patch of a lesion")
    write_results(folder / "0" / "results.json", replace(whole, values=(unmeasured, *whole.values[1:])))
    found = study(folder)
    assert found.grids["f1"].means["org", 100].folds == (1, 2)
    assert found.grids["auc"].means["org", 100].folds == FOLDS
    assert {test.measure: test.folds for test in found.over_folds} == {"f1": (1, 2), "auc": FOLDS}


def test_more_folds_are_less_dependent(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, (100,), ("org", "gan"))
    three, five = study(folder), study(folder, folds=5)
    assert {one.fold for one in five.missing} == {0, 1, 2, 3, 4}
    widths = [[test.interval[1] - test.interval[0] for test in s.over_folds if test.interval] for s in (three, five)]
    assert len(widths[0]) == 2
    np.testing.assert_allclose(np.array(widths[0]) / widths[1], np.sqrt((1 / 3 + 1 / 2) / (1 / 3 + 1 / 4)))
