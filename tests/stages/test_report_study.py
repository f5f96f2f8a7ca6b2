"""The study's report as the entry point runs it, on made-up jobs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.stages import report_study
from tests.reporting.study_runs import write_sweep
from tests.stages.running import Ran, run

STUDY = "experiment=dcgan_augmentation_study"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("study")
    sweep = write_sweep(folder / "sweep")
    (sweep / "0" / "results.json").write_text("{")
    return run(folder / "out", STUDY, f"runs=[{sweep}]")


def test_the_page_and_all_files_are_in_the_run_folder(ran: Ran) -> None:
    folder = ran.folders["report"]
    assert folder == ran.run_folder
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "overrides.yaml", "environment.json", "study.html", "study.csv",
        "figure_9_mass.svg", "figure_15_mass.png", "table_3_mass.tex", "f1_mass.tex",
    }  # fmt: skip
    with Image.open(folder / "figure_15_mass.png") as picture:
        assert picture.size[0] > 2 * 640
    assert (folder / "figure_9_mass.svg").read_text(encoding="utf-8").startswith("<?xml")
    with (folder / report_study.TABLE).open(newline="", encoding="utf-8") as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert (kinds.count("cell"), kinds.count("missing")) == (2 * 23, 1)


def test_the_screen_says_what_was_left_out_and_where_the_page_is(ran: Ran) -> None:
    lines = ran.screen.strip().splitlines()
    assert lines[0].startswith("Left out: sweep/0/results.json")
    assert "1 jobs are missing" not in ran.screen
    assert "1 job is missing; the page has its command" in ran.screen
    assert lines[-1] == str((ran.run_folder / report_study.PAGE).resolve())


def test_the_command_on_the_page_names_no_folder(ran: Ran) -> None:
    page = (ran.run_folder / report_study.PAGE).read_text(encoding="utf-8")
    assert "runs=PATH" in page
    assert str(ran.run_folder.parents[2]) not in page


def test_without_folders_it_says_which_to_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"runs=\[\]: expected folders of jobs"):
        run(tmp_path, STUDY)


def test_its_own_run_is_no_job(ran: Ran) -> None:
    again = run(ran.run_folder.parents[1], STUDY, f"runs=[{ran.run_folder.parents[2]}]", name="again")
    assert "23; 1 missing" in (again.run_folder / report_study.PAGE).read_text(encoding="utf-8")
    assert again.screen.count("Left out") == 1


def test_one_fold_is_no_cross_validation(ran: Ran) -> None:
    with pytest.raises(UserError, match=r"study\.folds=1: expected 2 or more"):
        run(ran.run_folder.parents[1], STUDY, "runs=[.]", "study.folds=1", name="refused")
