"""Sweeps whose jobs are killed or told to end, called again until they are done: each result once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock

from tests.stages.jobs.sweeping import command, latest, records, states

JOBS = ("seed=1,2", "phantom.seed=1", "synthesis.examples=1,2")  # two trainings, each for two jobs
LAUNCHER = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
KILLS = 5


def running_jobs(output: Path) -> list[int]:
    """The processes that the jobs of the latest sweep say they are in."""
    found = []
    for path in max((output / "sweeps" / "cigan_ddsm").iterdir()).glob("*/job.json"):
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["state"] == "running":
            found.append(int(state["pid"]))
    return found


def call(output: Path, draw: random.Random | None) -> int:
    """Call the sweep; with `draw`, kill one of its jobs or the sweep itself somewhere on the way."""
    sweep = subprocess.Popen(command(output, *JOBS, *LAUNCHER), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if draw is not None:
        time.sleep(draw.uniform(4, 20))
        if sweep.poll() is None:
            victim = draw.choice([sweep.pid, *running_jobs(output) * 2])
            os.kill(victim, signal.SIGKILL)
    return sweep.wait(timeout=300)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_and_called_again_until_done(tmp_path: Path) -> None:
    draw = random.Random(3)
    codes = [call(tmp_path, draw) for _ in range(KILLS)]
    assert set(codes) <= {0, 1, -signal.SIGKILL}
    assert any(codes)
    assert call(tmp_path, None) == 0
    assert set(states(tmp_path)) <= {"done", "already done"}

    done = records(tmp_path)
    assert len(done) == 4
    assert {(tmp_path / record["run_folder"]).resolve() for record in done} == {
        Path(job["run_folder"]).resolve() for job in latest(tmp_path)
    }
    for record in done:
        results = json.loads((tmp_path / record["run_folder"] / "results.json").read_text(encoding="utf-8"))
        assert results["values"]
    made = {folder.name: len(list(folder.glob("*/stage.json"))) for folder in (tmp_path / "stages").iterdir()}
    assert made == {"index": 1, "prepare-patches": 2, "train-infill": 2, "synthesize": 4, "evaluate": 4}
    for path in (*tmp_path.glob("jobs/*.lock"), *tmp_path.glob("stages/*/*.lock")):
        with FileLock(path, timeout=60):  # free again, though its holder was killed
            pass

    assert call(tmp_path, None) == 0
    assert states(tmp_path) == ["already done"] * 4


@pytest.mark.slow
def test_jobs_side_by_side_are_told_to_end_together(tmp_path: Path) -> None:
    endless = ["stages=[index,prepare/patches,train/infill]", "training.iterations=1000000", "seed=1,2,3"]
    hours = ["phantom.seed=1", "callbacks.checkpoint_minutes=1000"]  # no checkpoint but the last
    sweep = subprocess.Popen(
        command(tmp_path, *endless, *hours, *LAUNCHER), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while len(list(tmp_path.glob("stages/train-infill/*/metrics.csv"))) < 2:
        assert sweep.poll() is None, sweep.communicate()[0]
        time.sleep(0.1)
    sweep.send_signal(signal.SIGTERM)
    said, _ = sweep.communicate(timeout=120)
    assert sweep.returncode == 128 + signal.SIGTERM, said
    assert states(tmp_path) == ["interrupted", "interrupted", "not begun"]
    assert "Traceback" not in said
    assert said.rstrip().endswith("The same command goes on with what is missing.")
    assert len(list(tmp_path.glob("stages/train-infill/*/checkpoints/last.ckpt"))) == 2
