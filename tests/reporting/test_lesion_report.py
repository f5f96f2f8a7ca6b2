from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.reporting.figures.realism import realism_grids
from mammo_gan.reporting.html import Figure, Gallery, Report, Table, render
from mammo_gan.reporting.lesion_report import Shown, Sources, lesion_report
from mammo_gan.reporting.papers import read_paper
from tests.reporting import examples

PAPER = read_paper(Path(__file__).parents[2] / "experiments/alyafi2019_dcgan/paper.toml")
SIZE = 16
THESIS = Shown(
    patches=64,
    title="real and synthetic lesions",
    figures={"sample": "Figure 12", "feature_space": "Figure 10", "distance": "Figure 8"},
)


def write_sources(folder: Path) -> Sources:
    rng = np.random.default_rng(1)
    for name in ("sample", "samples"):
        (folder / name).mkdir()
    for k in range(4):
        for group in ("real", "synthetic"):
            picture = Image.fromarray(rng.integers(0, 256, (SIZE, SIZE), np.uint8))
            picture.save(folder / "sample" / f"{group}_{k:03d}.png")
        Image.fromarray(rng.integers(0, 256, (SIZE, 2 * SIZE), np.uint8)).save(folder / "samples" / f"{k:07d}.png")
    with (folder / "metrics.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["iteration", "images_seen", "generator/adversarial", "fid_768", "fid_768_mean"])
        rows.writerows([k, 4 * k, 1 / k, "" if k % 10 else 100 / k, "" if k % 10 else 120 / k] for k in range(1, 41))
    with (folder / "embedding.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["group", "index", "x", "y"])
        rows.writerows([group, k, *rng.normal(size=2)] for group in ("real", "synthetic") for k in range(9))
    return Sources(
        sample=folder / "sample",
        embedding=folder / "embedding.csv",
        metrics=folder / "metrics.csv",
        samples=folder / "samples",
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return write_sources(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def phantom(sources: Sources) -> Report:
    return lesion_report(examples.results(), PAPER, sources, THESIS)


def test_every_part_is_there_and_says_that_it_is_of_a_phantom(phantom: Report) -> None:
    names = [section.name for section in phantom.sections]
    assert names == ["figure-12", "values", "figure-10", "figure-8", "training", "run", "paper", "reproduce"]
    for section in phantom.sections[:5]:
        for block in section.blocks:
            assert isinstance(block, Figure | Gallery | Table)
            assert block.caption.endswith("Phantom data.")


def test_the_losses_stand_apart_from_the_distance(phantom: Report, sources: Sources) -> None:
    (training,) = (section for section in phantom.sections if section.name == "training")
    (distance,) = (section for section in phantom.sections if section.name == "figure-8")
    assert len(training.blocks) == 2
    (figure,) = distance.blocks
    assert isinstance(figure, Figure)
    assert figure.caption.startswith("fid_768 of the training patches")


def test_the_averaged_generators_distance_has_a_figure_of_its_own(sources: Sources, tmp_path: Path) -> None:
    table = "iteration,fid_768,fid_768_mean,fid_768_average,fid_768_average_mean\n5,3,3,2,2\n9,2,2.5,1,1.5\n"
    (tmp_path / "metrics.csv").write_text(table, encoding="utf-8")
    report = lesion_report(examples.results(), PAPER, replace(sources, metrics=tmp_path / "metrics.csv"), THESIS)
    (distance,) = (section for section in report.sections if section.name == "figure-8")
    plain, average = (figure.caption for figure in distance.blocks if isinstance(figure, Figure))
    assert "those that the generator draws" in plain
    assert "kept" not in plain
    assert "those that the averaged generator draws" in average
    assert "by whose least the generator was kept" in average


def test_inception_and_its_randomness_are_named(phantom: Report, sources: Sources) -> None:
    page = render(phantom)
    assert "over an Inception that has seen no images" in page
    assert "Inception, random" in page
    assert "VGG" not in re.sub(r"data:image/[^\"]*", "", page)  # a picture's letters are anything
    real = lesion_report(examples.results("disk", random=False, scale="paper"), PAPER, sources, THESIS)
    assert real.banners == ()
    assert "phantom" not in render(real).lower()


def test_a_run_without_training_has_its_facts() -> None:
    report = lesion_report(examples.results(), PAPER, Sources(), THESIS)
    assert [section.name for section in report.sections] == ["values", "run", "paper", "reproduce"]


def test_sections_are_named_after_the_figures_of_another_paper(sources: Sources) -> None:
    """alyafi2020, Figures 2 and 3; it has none of a distance over training."""
    title = "real and synthetic lesions and normal tissue"
    figures = {"sample": "Figure 3", "feature_space": "Figure 2", "distance": None}
    report = lesion_report(examples.results(), PAPER, sources, Shown(patches=4, title=title, figures=figures))
    headings = {section.name: section.heading for section in report.sections}
    assert headings["figure-2"] == f"Figure 2: {title}"
    assert headings["figure-3"] == "Figure 3: lesions drawn from noise"
    assert headings["distance"] == "Distance over training"
    assert not headings.keys() & {"figure-8", "figure-10", "figure-12"}
    captions = {section.name: section.blocks[0].caption for section in report.sections if section.name in headings
                and isinstance(section.blocks[0], Figure)}  # fmt: skip
    assert captions["figure-2"].startswith("Real and synthetic lesions and normal tissue by t-SNE")
    for name, figure in (("figure-2", "Figure 2"), ("figure-3", "Figure 3")):
        assert captions[name].endswith(f"As the paper's {figure}. Phantom data.")
    assert "As the paper's" not in captions["distance"]


def test_as_many_patches_are_shown_as_were_drawn(sources: Sources) -> None:
    """Two by two of four, with nothing in the heading about more that were asked for."""
    for patches, side in ((4, 2), (64, 8)):
        (figure,) = (
            block
            for block in lesion_report(examples.results(), PAPER, sources, Shown(patches=patches)).sections[0].blocks
            if isinstance(block, Figure)
        )
        assert sources.sample is not None
        assert figure.picture.light == realism_grids(sources.sample, side)
        assert figure.picture.width is None  # as wide as the page
