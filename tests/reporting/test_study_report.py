from __future__ import annotations

import re
from pathlib import Path

import pytest

from mammo_gan.reporting.html import Command, Facts, Figure, Report, Table, Text, render
from mammo_gan.reporting.papers import read_paper
from mammo_gan.reporting.results import Weights
from mammo_gan.reporting.study import gather
from mammo_gan.reporting.study_analysis import analyse
from mammo_gan.reporting.study_report import study_report
from tests.reporting.study_runs import COMMIT, TESTED, write_sweep

PAPER = read_paper(Path(__file__).parents[2] / "experiments/alyafi2019_dcgan/paper.toml")
PARTS = ["gathered", "figure-9", "table-3", "tests", "figure-15"]


def page(folder: Path) -> Report:
    gathered = gather([folder])
    tasks = dict.fromkeys(cell.task for cell in gathered.cells)
    studies = [analyse([cell for cell in gathered.cells if cell.task == task], PAPER, 3) for task in tasks]
    return study_report(studies, gathered, PAPER, "A study", "python -m mammo_gan.run runs=PATH")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return page(write_sweep(tmp_path_factory.mktemp("study") / "sweep"))


def test_every_part_is_there_and_says_that_it_is_of_a_phantom(phantom: Report) -> None:
    assert [section.name for section in phantom.sections] == [*PARTS, "again"]
    captioned = [block for section in phantom.sections for block in section.blocks if isinstance(block, Figure | Table)]
    assert len(captioned) == 6
    for block in captioned:
        assert block.caption.endswith("Phantom data.")
    assert "Made from phantom data:" in [banner.headline for banner in phantom.banners]
    assert "scale=demo:" in [banner.headline for banner in phantom.banners]


def test_what_was_gathered_is_said(phantom: Report) -> None:
    (facts,) = phantom.sections[0].blocks
    assert isinstance(facts, Facts)
    assert dict(facts.rows) == {
        "task": "mass",
        "archive": "optimam, phantom",
        "scale, preset": "demo, paper",
        "seed": "1",
        "training sizes": "2: 100, 250",
        "modes": "ORG, GAN, Aug ORG, Aug GAN",
        "folds": "3: 0, 1, 2",
        "jobs": "24; 0 missing",
        "test patches": f"fold 0: {TESTED}; fold 1: {TESTED}; fold 2: {TESTED}",
        "trained on, k = 100": "100 lesion, 1,000 normal",
        "trained on, k = 250": "249 to 250 lesion, 2,500 normal",
        "device": "cpu",
        "commit": COMMIT,
    }


def test_nothing_of_a_phantom_is_headed_as_reproduced(phantom: Report) -> None:
    text = render(phantom)
    assert "reproduced" not in text.lower()
    assert "here, phantom, scale=demo" in text


def test_it_says_in_words_that_folds_are_not_independent(phantom: Report) -> None:
    (tests,) = (section for section in phantom.sections if section.name == "tests")
    said = " ".join(block.text for block in tests.blocks if isinstance(block, Text))
    assert "Folds are not independent" in said
    assert "r = 0.5 is the share of patients that a fold of 3 tests" in said
    over_folds, by_fold = (block for block in tests.blocks if isinstance(block, Table))
    assert "over all 12 comparisons" in over_folds.caption
    assert "over all 18 comparisons" in by_fold.caption
    assert over_folds.rows[0][:4] == ("GAN less ORG", "100", "F1", "0, 1, 2")


def test_real_data_at_the_papers_scale_have_no_such_words(tmp_path: Path) -> None:
    trained = Weights(name="inception", random=False)
    real = page(write_sweep(tmp_path, (100,), scale="paper", source="disk", weights=trained))
    assert real.banners == ()
    text = render(real)
    assert "phantom" not in re.sub(r"source=phantom", "", text).lower()
    assert "here, scale" not in text
    (missing,) = (section for section in real.sections if section.name == "missing")
    sweep, table = missing.blocks[1:]
    assert isinstance(sweep, Command)
    assert sweep.text.startswith("python -m mammo_gan.run -m experiment=dcgan_augmentation ")
    assert sweep.text.endswith("k=250,500,750,1000,1300 mode=org,gan,aug_org,aug_gan fold=0,1,2")
    assert isinstance(table, Table)
    assert len(table.rows) == 5 * 4 * 3


def test_two_tasks_have_sections_of_their_own(tmp_path: Path) -> None:
    write_sweep(tmp_path / "mass", (100,))
    write_sweep(tmp_path / "other", (50,), task="malignancy")
    found = page(tmp_path)
    names = [section.name for section in found.sections]
    assert names == [f"{part}-{task}" for task in ("malignancy", "mass") for part in PARTS] + ["again"]
    headings = " ".join(section.heading for section in found.sections if section.name.endswith("-malignancy"))
    assert "Figure 9" not in headings
    assert "Table 3" not in headings


def test_what_was_left_out_comes_first(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "sweep", (100,))
    (folder / "0" / "results.json").write_text("{")
    (folder / "3" / "generated.png").write_text("no picture")
    found = page(folder)
    said = {banner.headline: banner.text for banner in found.banners if banner.tone == "warning"}
    assert said["Left out:"].startswith("sweep/0/results.json: expected JSON")
    assert "sweep/3/generated.png:" in said
    assert str(tmp_path) not in render(found)


def test_modes_without_an_original_are_not_tested(tmp_path: Path) -> None:
    found = page(write_sweep(tmp_path, (100,), ("gan",), (0,)))
    assert "no mean difference from ORG could be tested" in found.summary
    (tests,) = (section for section in found.sections if section.name == "tests")
    assert tests.blocks == (Text("No mode stands beside ORG of the same k and fold yet."),)
