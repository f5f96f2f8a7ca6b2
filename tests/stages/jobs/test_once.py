"""A job's key: what its results depend on, and nothing else. Its lock: one at a time."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from mammo_gan.stages import experiment
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.jobs.once import Once
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import DONE, write_json
from tests.stages.jobs.sweeping import SETTINGS


def once(output: Path, *overrides: str) -> Once:
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=[*SETTINGS, f"paths.output={output}", *overrides])
    planned = experiment.plan(cfg, output / "run")
    return Once(output, [planned[name] for name in experiment.chosen(cfg)])


@pytest.mark.parametrize(
    "override", ["jobs=2", "callbacks.log_every=1", "trainer.devices=2", "resume=none", "logger=tensorboard"]
)
def test_what_changes_no_result_leaves_the_key_alone(tmp_path: Path, override: str) -> None:
    assert once(tmp_path, override).key == once(tmp_path).key


@pytest.mark.parametrize(
    "override", ["seed=2", "training.batch_size=2", "stages=[index]", "phantom.patients=15", "title=Another"]
)
def test_what_changes_a_result_changes_the_key(tmp_path: Path, override: str) -> None:
    assert once(tmp_path, override).key != once(tmp_path).key


def test_the_order_in_which_stages_are_asked_for_is_no_matter(tmp_path: Path) -> None:
    one, other = once(tmp_path, "stages=[index,prepare/patches]"), once(tmp_path, "stages=[prepare/patches,index]")
    assert one.key == other.key


@pytest.fixture
def done(tmp_path: Path) -> Once:
    """A job that made an index."""
    job = once(tmp_path / "out", "stages=[index]")
    for folder in (tmp_path / "out" / "run", job.stages[0].folder):
        folder.mkdir(parents=True)
        (folder / "made.txt").write_text("made", encoding="utf-8")
    (tmp_path / "out" / "run" / "run.log").touch()
    write_json(job.stages[0].folder / DONE, {"files": {"made.txt": 4}})
    job.keep(tmp_path / "out" / "run", ["seed=1"], 1.0)
    return job


def test_a_job_that_is_done_is_found_again(done: Once, tmp_path: Path) -> None:
    (tmp_path / "out" / "run" / "run.log").write_text("a line more", encoding="utf-8")
    assert once(done.output, "stages=[index]").run_folder() == tmp_path / "out" / "run"
    assert once(done.output, "stages=[index]", "seed=2", "phantom.seed=2").run_folder() is None


@pytest.mark.parametrize("lost", ["run folder", "stage", "record"])
def test_a_job_whose_results_are_gone_is_not(done: Once, tmp_path: Path, lost: str) -> None:
    if lost == "run folder":
        (tmp_path / "out" / "run" / "made.txt").unlink()
    elif lost == "stage":
        (done.stages[0].folder / "made.txt").write_text("mad", encoding="utf-8")
    else:
        done.record.write_text("{", encoding="utf-8")
    assert done.run_folder() is None


def test_results_can_be_moved(done: Once, tmp_path: Path) -> None:
    done.output.rename(tmp_path / "moved")
    assert once(tmp_path / "moved", "stages=[index]").run_folder() == tmp_path / "moved" / "run"


def test_a_job_waits_for_one_that_does_the_same(tmp_path: Path) -> None:
    one, other = once(tmp_path, "stages=[index]"), once(tmp_path, "stages=[index]")
    said, order = io.StringIO(), []

    def second() -> None:
        with other.alone(Screen(Console(file=said))):
            order.append("second")

    waiting = threading.Thread(target=second)
    with one.alone(Screen()):
        waiting.start()
        while "waiting" not in said.getvalue():
            assert waiting.is_alive()
        order.append("first")
    waiting.join(60)
    assert order == ["first", "second"]
