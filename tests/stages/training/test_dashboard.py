"""A training's rows reach W&B, or a file, or nobody: it goes on whatever happens."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from omegaconf import OmegaConf

from mammo_gan.stages.training import dashboard, loggers
from mammo_gan.stages.training.dashboard import BackgroundWandbLogger
from mammo_gan.stages.training.wandb_parts import Parts, read
from tests.stages.training.wandb_server import KEY, WandbServer, serving

PATIENT, IMPATIENT = 60.0, 2.0  # seconds; nobody waits for a server that is there


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no .netrc there


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    with serving() as server:
        log_in(monkeypatch, server.url)
        yield server


def log_in(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)


class Training:
    """Logs as a training does; `said` is what a user reads."""

    def __init__(self, folder: Path, wait: float = PATIENT, name: str = "run") -> None:
        self.said: list[str] = []
        settings = OmegaConf.create(
            {"wandb": {"project": "mammo_gan", "entity": None, "wait_seconds": wait}, "tensorboard": False}
        )
        stage, run_folder = folder / "stages" / "infill", folder / "runs" / name
        for needed in (stage, run_folder):
            needed.mkdir(parents=True, exist_ok=True)
        self.used = loggers.build(settings, stage, run_folder, "infill", {"lr": 1e-4}, self.said.append)
        self.parts = Parts(stage)

    def log(self, first: int, stop: int) -> None:
        for iteration in range(first, stop):
            self.used[0].log_metrics(
                {"iteration": iteration, "images_seen": 4 * iteration, "loss": 1 / (iteration + 1)}
            )

    def finish(self) -> str:
        """All that was said, a line each."""
        loggers.finish(self.used)
        return "\n".join(self.said)

    def flushed(self, step: int) -> None:
        """Wait until the rows up to `step` are in a file."""
        _until(lambda: self.parts.last_step() >= step)


def service() -> psutil.Process:
    """W&B's own process."""
    (found,) = (child for child in psutil.Process().children() if child.name().startswith("wandb-core"))
    return found


def _until(done: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def sync(said: str, url: str) -> None:
    """Give the command that the last line names."""
    command = shlex.split(said.splitlines()[-1].split("this sends it: ")[1])
    variables = os.environ | {"WANDB_BASE_URL": url, "WANDB_API_KEY": KEY}
    program = str(Path(sys.executable).with_name("wandb"))
    subprocess.run([program, *command[1:]], env=variables, check=True, capture_output=True, timeout=120)


def iterations(server: WandbServer) -> list[tuple[int, int]]:
    """Step and iteration of each row of the server's only run."""
    (run,) = server.runs.values()
    assert all(row["loss"] == pytest.approx(1 / (row["iteration"] + 1)) for row in run.history)
    return [(row["_step"], row["iteration"]) for row in run.history]


def twice(stop: int) -> list[tuple[int, int]]:
    return [(iteration, iteration) for iteration in range(stop)]


def test_rows_go_to_a_server_that_is_there(server: WandbServer, tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.log(0, 30)
    assert server.url in training.finish()
    assert iterations(server) == twice(30)
    assert next(iter(server.runs.values())).exit_code == 0


def test_a_training_that_fails_is_a_failed_run(server: WandbServer, tmp_path: Path) -> None:
    training = Training(tmp_path)
    with pytest.raises(ZeroDivisionError):
        try:
            raise ZeroDivisionError
        finally:
            training.finish()
    assert next(iter(server.runs.values())).exit_code == 1


def test_a_server_out_of_reach_leaves_an_offline_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        log_in(monkeypatch, f"http://127.0.0.1:{taken.getsockname()[1]}")
        training = Training(tmp_path, IMPATIENT)
        training.log(0, 10)
        said = training.finish().splitlines()
    assert len(said) == 2
    assert "can't be opened" in said[0]
    assert "wandb sync" in said[1]
    assert training.parts.last_step() == 9


def test_a_refused_key_leaves_an_offline_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(status=401) as refusing:
        log_in(monkeypatch, refusing.url)
        training = Training(tmp_path)
        training.log(0, 10)
        said = training.finish().splitlines()
    assert "401" in said[0]
    assert len(said) == 2
    assert training.parts.last_step() == 9


@pytest.mark.slow
def test_a_server_that_goes_away_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as away:
        log_in(monkeypatch, away.url)
        training = Training(tmp_path, wait=8)
        training.log(0, 10)
        training.flushed(8)
    training.log(10, 20)
    said = training.finish()
    assert "not all of the run could be sent within 8 s" in said
    assert "wandb sync --include-online" in said
    with serving() as back:
        sync(said, back.url)
        assert iterations(back) == twice(20)
    assert not training.parts.behind()


@pytest.mark.parametrize("before", [50, 100])
def test_a_killed_service_loses_no_row(
    tmp_path: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    training = Training(tmp_path)
    training.log(0, before)
    training.flushed(30)
    service().kill()
    training.log(before, 100)
    said = training.finish()
    assert said.count("its process was lost") == 1
    assert len(training.parts.unsent()) == 2
    sync(said, server.url)
    assert iterations(server) == twice(100)


@pytest.mark.slow
def test_a_service_that_hangs_holds_no_step_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(tmp_path, IMPATIENT)
    service().send_signal(signal.SIGSTOP)
    training.log(0, 5000)  # more than the pipe to it takes
    training.finish()
    assert training.parts.last_step() == 4999


def test_interrupted_trainings_become_one_run(
    tmp_path: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    first = Training(tmp_path, name="monday")
    first.log(0, 40)
    first.finish()
    (cut_off,) = first.parts.unsent()  # as by a kill in the middle of a row
    with cut_off.open("r+b") as file:
        file.truncate(cut_off.stat().st_size - 700)
    lost_from = read(cut_off).last_step + 1
    assert 30 < lost_from < 40
    second = Training(tmp_path, name="tuesday")
    second.log(20, 60)  # from the checkpoint on
    second.finish()
    empty = second.parts.unsent()[1].read_bytes()[:7]  # killed before the first row was in the file
    third = Training(tmp_path, name="wednesday")
    third.log(50, 70)
    third.finish()
    third.parts.unsent()[2].write_bytes(empty)
    fourth = Training(tmp_path, name="thursday")
    fourth.log(50, 90)
    sync(fourth.finish(), server.url)
    assert iterations(server) == twice(90)
    assert cut_off.with_name(f"{cut_off.name}.cut").exists()


def test_an_online_training_goes_on_where_the_server_is(tmp_path: Path, server: WandbServer) -> None:
    for first, stop in ((0, 30), (20, 50)):
        training = Training(tmp_path)
        training.log(first, stop)
        training.finish()
    assert iterations(server) == twice(50)


def test_a_run_with_unsent_parts_stays_offline(
    tmp_path: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    offline = Training(tmp_path)
    offline.log(0, 30)
    offline.finish()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    resumed = Training(tmp_path)
    resumed.log(20, 40)
    said = resumed.finish()
    assert "earlier parts" in said
    sync(said, server.url)
    online = Training(tmp_path)
    online.log(30, 60)
    assert server.url in online.finish()
    assert iterations(server) == twice(60)


class StandIn:
    """W&B's run, with a fault of choice."""

    step, url = 0, None

    def __init__(self, folder: Path) -> None:
        self.dir = str(folder / "files")
        self.rows: list[tuple[int, dict[str, Any]]] = []

    def log(self, row: dict[str, Any], step: int) -> None:
        self.rows.append((step, row))

    def finish(self, exit_code: int) -> None:
        pass


def background(run: Any, folder: Path, said: list[str]) -> BackgroundWandbLogger:
    def open_run(online: bool) -> Any:
        if isinstance(run, Exception):
            raise run
        return run

    return BackgroundWandbLogger(open_run, Parts(folder), online=False, wait=PATIENT, say=said.append)


def test_a_folder_that_cant_be_written_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    logger = background(PermissionError(13, "Permission denied"), tmp_path, said)
    logger.log_metrics({"iteration": 1, "loss": 2.0})
    logger.finish()
    assert said == ["W&B: nothing is logged there (Permission denied); metrics.csv goes on"]


def test_a_parts_file_that_cant_be_written_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    logger = background(StandIn(tmp_path), tmp_path / "missing" / "a file", said)
    (tmp_path / "missing").touch()
    logger.log_metrics({"iteration": 1, "loss": 2.0})
    logger.finish()
    assert len(said) == 1


def test_a_full_disk_costs_the_picture_and_not_its_row(tmp_path: Path) -> None:
    class Full(StandIn):
        def log(self, row: dict[str, Any], step: int) -> None:
            if "samples" in row:
                raise OSError(28, "No space left on device")
            super().log(row, step)

    run, said = Full(tmp_path), list[str]()
    logger = background(run, tmp_path, said)
    for iteration in (10, 20):
        logger.log_metrics({"iteration": iteration, "samples": object()}, step=iteration)
    logger.finish()
    assert run.rows == [(10, {"iteration": 10}), (20, {"iteration": 20})]
    assert said[0] == "W&B: pictures are missing from iteration 10 on (No space left on device)"
    assert said[1] == "W&B: its file has no rows, as on a full disk; metrics.csv has all"
    assert len(said) == 2


def test_a_service_that_dies_again_and_again_is_left_alone(tmp_path: Path) -> None:
    class Dying(StandIn):
        def log(self, row: dict[str, Any], step: int) -> None:
            raise ConnectionResetError("Connection lost")

    said: list[str] = []
    logger = background(Dying(tmp_path), tmp_path, said)
    for iteration in range(10):
        logger.log_metrics({"iteration": iteration})
    logger.finish()
    assert sum("was lost" in line for line in said) == dashboard.RESTARTS
    assert said[-1] == "W&B: logging ends at iteration 0 (Connection lost); metrics.csv goes on"


def test_a_slow_service_costs_rows_and_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "ROWS_WAITING", 10)
    go_on = threading.Event()

    class Slow(StandIn):
        def log(self, row: dict[str, Any], step: int) -> None:
            assert go_on.wait(60)
            super().log(row, step)

    run, said = Slow(tmp_path), list[str]()
    logger = background(run, tmp_path, said)
    for iteration in range(100):
        logger.log_metrics({"iteration": iteration})
    go_on.set()
    logger.finish()
    assert said[0].startswith("W&B: too slow at iteration 1")
    assert [step for step, _ in run.rows] == list(range(len(run.rows)))
    assert len(run.rows) in (10, 11)


def test_iterations_that_a_training_repeats_are_logged_once(tmp_path: Path) -> None:
    run = StandIn(tmp_path)
    logger = background(run, tmp_path, [])
    for iteration in (1, 2, 3, 3, 2, 3, 4):
        logger.log_metrics({"iteration": iteration, "epoch": 0}, step=7)
    logger.finish()
    assert run.rows == [(step, {"iteration": step}) for step in (1, 2, 3, 3, 3, 4)]
