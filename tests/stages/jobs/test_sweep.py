"""A sweep goes on past a job that fails, shows all jobs last, and does again only what is missing."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mammo_gan import run
from mammo_gan.errors import DivergenceError, UserError
from mammo_gan.stages.command import command_line
from mammo_gan.stages.index import Index
from mammo_gan.stages.stage import Context
from tests.stages.jobs.sweeping import SETTINGS, command, latest, records, states

INDEX = ("stages=[index]", "phantom.patients=1")  # a second at most
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Calls the entry point in this process; gives the exit code and what was on the terminal, in its order."""
    monkeypatch.setattr(command_line, "check", lambda arguments: None)  # slow, and tested elsewhere
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # put back as it was, whatever a sweep sets it to
    handlers = logging.root.handlers[:]

    def called(*overrides: str, many: bool = True) -> tuple[int, str]:
        settings = [*SETTINGS, *INDEX, f"paths.output={tmp_path}", *overrides]
        monkeypatch.setattr(sys, "argv", ["mammo-gan", *(["-m"] if many else []), *settings])
        monkeypatch.setattr(sys, "stderr", sys.stdout)
        try:
            run.main()
        except SystemExit as ended:
            return int(str(ended.code)), capsys.readouterr().out
        return 0, capsys.readouterr().out

    yield called
    logging.root.handlers[:] = handlers


def fails(monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception | signal.Signals]) -> None:
    """Let the index of a phantom with one of these seeds fail, or be told to end."""
    real = Index.run

    def index(self: Index, folder: Path, context: Context) -> None:
        assert self.phantom is not None
        error = errors.get(self.phantom.seed)
        if isinstance(error, Exception):
            raise error
        if error is not None:
            os.kill(os.getpid(), error)
        real(self, folder, context)

    monkeypatch.setattr(Index, "run", index)


def test_a_failed_job_is_told_at_once_and_the_others_go_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = "phantom.seed=1,2,3,4,5"
    bad, diverged = UserError("no film; take another"), DivergenceError("loss was NaN", iteration=7, seen="NaN")
    with monkeypatch.context() as patch:
        fails(patch, {2: ZeroDivisionError("no patients in the denominator"), 3: bad, 4: diverged})
        code, said = call(sweep)
    assert code == 1
    assert states(tmp_path) == ["done", "failed", "failed", "failed", "done"]
    assert [job["exit_code"] for job in latest(tmp_path)] == [0, 1, 2, 3, 0]
    assert said.count("Traceback (most recent call last)") == 1  # bad input has a line instead
    order = ["job 1 failed", "ZeroDivisionError: no patients", "job 2 failed", "mammo_gan: no film", "jobs of "]
    assert sorted(order, key=said.index) == order
    table = said[said.index("jobs of ") :]
    assert all(f"phantom.seed={seed}" in table for seed in (1, 2, 3, 4, 5))
    assert "scale=smoke" not in table  # the same for all
    assert said.rstrip().endswith("5 jobs: 2 done, 3 failed\nThe same command goes on with what is missing.")

    code, said = call(sweep)  # what was wrong is mended
    assert code == 0
    assert states(tmp_path) == ["already done", "done", "done", "done", "already done"]
    assert len(records(tmp_path)) == 5
    assert "goes on" not in said


def test_a_single_run_counts_for_a_sweep_and_is_never_left_out(call: Call, tmp_path: Path) -> None:
    assert call(many=False)[0] == 0
    assert call("phantom.seed=1,2")[0] == 0
    assert states(tmp_path) == ["already done", "done"]
    runs = tmp_path / "runs" / "cigan_ddsm"
    assert [Path(latest(tmp_path)[0]["run_folder"])] == list(runs.iterdir())
    assert call(many=False)[0] == 0
    assert len([run for run in runs.iterdir() if (run / "config.yaml").is_file()]) == 2


def test_settings_that_change_no_result_make_no_other_job(call: Call, tmp_path: Path) -> None:
    assert call("jobs=1,2")[0] == 0
    assert states(tmp_path) == ["done", "already done"]
    assert len(records(tmp_path)) == 1


@pytest.mark.parametrize("place", ["", "mine"])
def test_a_sweep_that_is_told_to_end_begins_no_other_job(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    sweep = ["phantom.seed=1,2,3"]
    if place:
        sweep.append(f"hydra.sweep.dir={tmp_path / 'sweeps' / 'cigan_ddsm' / place}")
    with monkeypatch.context() as patch:
        fails(patch, {2: signal.SIGTERM})
        code, said = call(*sweep)
    assert code == 128 + signal.SIGTERM
    assert states(tmp_path) == ["done", "interrupted", "not begun"]
    assert "Traceback" not in said
    assert "stopped by SIGTERM; the same command goes on from here" in said
    assert call(*sweep)[0] == 0
    assert states(tmp_path) == ["already done", "done", "done"]


def test_a_full_disk_is_one_line(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, {1: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "film"))})
    code, said = call(many=False)
    assert code == 2
    assert "Traceback" not in said
    line = said.strip().splitlines()[-1]
    assert line.startswith(f"mammo_gan: the disk is full: {tmp_path / 'film'} could not be written")
    assert "MiB left" in line
    assert "the same command goes on" in line


@pytest.mark.parametrize(
    ("launcher", "prefix"),
    [
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], "1 | "),
        pytest.param(["hydra/launcher=submitit_local"], "job 1: ", marks=pytest.mark.slow),
    ],
)
def test_jobs_in_processes_of_their_own(tmp_path: Path, launcher: list[str], prefix: str) -> None:
    sweep = command(tmp_path, *INDEX, *launcher, "phantom.seed=1,2,-1")  # a seed below 0 fails once the job runs
    terminal = subprocess.run(
        sweep, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=250, check=False
    )
    assert terminal.returncode == 1, terminal.stdout
    assert states(tmp_path) == ["done", "done", "failed"], terminal.stdout
    said = terminal.stdout[: terminal.stdout.index("jobs of ")]
    assert "ValueError: expected non-negative integer" in said
    assert any(line.startswith(prefix) for line in said.splitlines())
    assert "\x1b" not in said  # no bars
