"""The t-SNE figures of two papers: whichever is chosen, at any scale, the report names it and shows its groups."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from mammo_gan.errors import UserError
from mammo_gan.evaluation.feature_space import TABLE
from mammo_gan.evaluation.tsne import largest_perplexity
from mammo_gan.reporting.papers import read_paper
from mammo_gan.stages.command.groups import conf_folder, experiments_folder, group_options
from tests.stages.test_lesion_experiment import composed, run

FIGURES = [name for name, _ in group_options("evaluation/feature_space")]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


def points(evaluated: Path) -> dict[str, int]:
    with (evaluated / TABLE).open(newline="", encoding="utf-8") as file:
        return dict(Counter(row["group"] for row in csv.DictReader(file)))


@pytest.mark.parametrize("scale", ["demo", "smoke"])
def test_a_scale_reduces_each_figure_to_a_part_that_can_be_embedded(scale: str) -> None:
    share = composed("experiment=dcgan_optimam", f"scale={scale}", "source=phantom").evaluation.feature_space.share
    assert share == {"demo": 0.2, "smoke": 0.02}[scale]
    for figure in FIGURES:
        space: Any = OmegaConf.load(conf_folder() / f"evaluation/feature_space/{figure}.yaml")
        assert space.perplexity * share < largest_perplexity(round(sum(space.counts.values()) * share))


@pytest.mark.parametrize("paper", ["alyafi2019_dcgan", "alyafi2020_realism"])
def test_what_makes_a_figure_is_a_command_line_that_composes(paper: str) -> None:
    """Each with the feature space of its number, and of masses alone, as both papers' t-SNE is."""
    for row in read_paper(experiments_folder() / paper / "paper.toml").results:
        if row.label.startswith("t-SNE"):
            cfg = composed(*row.overrides)
            assert (cfg.paper, cfg.evaluation.feature_space.figure) == (paper, row.item)
            assert cfg.training.kinds == ["mass"]
            assert cfg.training.patches == (500 if paper == "alyafi2019_dcgan" else None)


@pytest.mark.parametrize(
    ("figure", "groups", "title"),
    [
        pytest.param(
            "alyafi2019_figure11",
            {"real": 6, "synthetic": 12, "normal": 100},
            "real and synthetic lesions and normal",
            marks=pytest.mark.slow,
        ),
        ("alyafi2019_figure13", {"real": 6, "flipped": 6, "normal": 100}, "real and flipped lesions and normal tissue"),
    ],
)
def test_another_figure_of_the_thesis_is_one_override(
    output: Path, figure: str, groups: dict[str, int], title: str
) -> None:
    """5.2 and 9.3: asked in the figure's proportions, as many as there are."""
    ran = run(output, f"evaluation/feature_space={figure}", name=figure)
    assert points(ran.folders["evaluate"]) == groups
    page = (ran.run_folder / "report.html").read_text(encoding="utf-8")
    number = figure.removeprefix("alyafi2019_figure")
    assert f'<section id="figure-{number}"' in page
    assert f"Figure {number}: {title}" in page
    assert "Figure 10:" not in page
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    compared = {value["name"] for value in results["values"] if value["name"].startswith("neighbour_mixing/pixels")}
    assert compared == {f"neighbour_mixing/pixels/real_{group}" for group in list(groups)[1:]}


def test_realism_is_judged_on_the_other_scanner_with_the_papers_figures(output: Path) -> None:
    """alyafi2020, 2, 4.1 and 5.3: Selenia Dimensions, Figures 2 and 3."""
    ran = run(output, name="realism", experiment_name="dcgan_realism")
    results = json.loads((ran.run_folder / "results.json").read_text(encoding="utf-8"))
    assert (results["experiment"], results["paper"]) == ("dcgan_realism", "alyafi2020_realism")
    assert any(step["rule"].startswith("model is Selenia Dimensions") for step in results["data"]["selection"])
    assert points(ran.folders["evaluate"]) == {"real": 8, "synthetic": 10, "normal": 10}
    assert len(list((ran.folders["evaluate"] / "sample").glob("synthetic_*.png"))) == 12  # of 16, all that were drawn
    page = (ran.run_folder / "report.html").read_text(encoding="utf-8")
    for anchor, heading in (
        ("figure-2", "Figure 2: real and synthetic lesions and normal tissue"),
        ("figure-3", "Figure 3: lesions drawn from noise"),
        ("distance", "Distance over training"),
    ):
        assert f'<section id="{anchor}"' in page
        assert heading in page
    assert "Figure 12" not in page
    assert "Figure 8" not in page


def test_a_share_that_is_none_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"share=2"):
        run(tmp_path / "out", "evaluation.feature_space.share=2")
    assert not (tmp_path / "out").exists()
