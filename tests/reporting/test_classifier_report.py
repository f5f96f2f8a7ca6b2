from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_gan.reporting.classifier_report import Sources, classifier_report
from mammo_gan.reporting.figures.patch_grid import patch_grid
from mammo_gan.reporting.html import Figure, Report, Table, render
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import PatchCount, Results, Value
from tests.reporting import examples

PAPER = read_paper(Path(__file__).parents[2] / "experiments/alyafi2019_dcgan/paper.toml")
SECTIONS = ["values", "roc", "trained-on", "training", "study", "run", "paper", "reproduce"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("run")
    (folder / "scores.csv").write_text("patient,label,score\na,1,0.9\na,0,0.2\nb,0,0.7\n")
    rows = "".join(f"{k},{1 / k},{k / 20},{1 - k / 20}\n" for k in range(1, 11))
    head = "iteration,classifier/cross_entropy,validation/f1,validation/auc\n"
    (folder / "metrics.csv").write_text(head + rows)
    grid = patch_grid([np.full((16, 16), k / 25, np.float32) for k in range(25)], 5)
    return Sources(
        scores=folder / "scores.csv",
        metrics=folder / "metrics.csv",
        best="validation/f1",
        synthetic=1_950,
        generated=grid,
    )


def results(source: str = "phantom") -> Results:
    found = examples.results(source, random=source == "phantom", scale="demo" if source == "phantom" else "paper")
    counts = (
        PatchCount(split="train", label="lesion", patches=1_300, images=900, patients=700),
        PatchCount(split="train", label="normal", patches=13_000, images=1_300, patients=1_100),
        PatchCount(split="test", label="lesion", patches=700, images=500, patients=400),
    )
    values = (Value(name="classification/f1", label="F1", value=0.9, n=7_700, interval=(0.88, 0.92)),)
    settings: dict[str, int | str] = {"task": "mass", "k": 1300, "mode": "gan", "fold": 2}
    return replace(found, data=replace(found.data, patches=counts), values=values, settings=settings)


@pytest.fixture(scope="module")
def phantom(sources: Sources) -> Report:
    return classifier_report(results(), PAPER, sources)


def test_every_part_is_there_and_says_that_it_is_of_a_phantom(phantom: Report) -> None:
    assert [section.name for section in phantom.sections] == SECTIONS
    for section in phantom.sections[:4]:
        for block in section.blocks:
            assert isinstance(block, Figure | Table)
            assert block.caption.endswith("Phantom data.")


def test_it_says_what_was_trained_on_and_which_job_it_is(phantom: Report) -> None:
    (trained,) = (section for section in phantom.sections if section.name == "trained-on")
    table = trained.blocks[0]
    assert isinstance(table, Table)
    assert table.rows == (
        ("lesion", "real", "1,300", "700"),
        ("normal", "real", "13,000", "1,100"),
        ("lesion", "synthetic", "1,950", ""),
    )
    assert "mode=gan, fold=2" in phantom.title
    page = render(phantom)
    assert "experiment=dcgan_augmentation_study runs=[FOLDER]" in page
    assert "followed by an Inception that has seen no images, and so was the choice of its best iteration" in page


def test_real_patches_alone_have_no_grid_and_nothing_of_a_phantom(sources: Sources) -> None:
    report = classifier_report(results("disk"), PAPER, replace(sources, synthetic=0, generated=None))
    (trained,) = (section for section in report.sections if section.name == "trained-on")
    assert len(trained.blocks) == 1
    assert report.banners == ()
    page = render(report).lower()
    assert "phantom" not in page
    assert "a square grid of synthetic patches" not in page


def test_one_class_alone_has_no_curve(tmp_path: Path, sources: Sources) -> None:
    (tmp_path / "scores.csv").write_text("patient,label,score\na,0,0.9\n")
    report = classifier_report(results(), PAPER, replace(sources, scores=tmp_path / "scores.csv"))
    assert "roc" not in [section.name for section in report.sections]


def test_a_training_too_short_to_log_a_loss_shows_what_it_validated(tmp_path: Path, sources: Sources) -> None:
    (tmp_path / "metrics.csv").write_text("iteration,validation/f1\n10,0.5\n20,0.4\n")
    report = classifier_report(results(), PAPER, replace(sources, metrics=tmp_path / "metrics.csv"))
    (training,) = (section for section in report.sections if section.name == "training")
    assert len(training.blocks) == 1


def test_the_curve_is_that_of_the_score_by_which_the_best_was_kept(sources: Sources) -> None:
    drawn = []
    for best, name in (("validation/f1", "F1"), ("validation/auc", "AUC")):
        page = classifier_report(results(), PAPER, replace(sources, best=best))
        (training,) = (section for section in page.sections if section.name == "training")
        kept = training.blocks[0]
        assert isinstance(kept, Figure)
        assert kept.caption.startswith(f"{name} of the validation patches")
        drawn.append(kept.picture.light)
    assert drawn[0] != drawn[1]
