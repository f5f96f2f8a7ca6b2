"""A run that is told to end: a checkpoint, an exit code, and the same command goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stages.running import run
from tests.stages.training.stand_ins import write_scontrol


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index and patches of a phantom, which all tests here share."""
    folder = tmp_path_factory.mktemp("output")
    run(folder, "source=phantom", "stages=[index,prepare/patches]")
    return folder


def command(output: Path, *overrides: str) -> list[str]:
    settings = ["experiment=cigan_ddsm", "scale=smoke", "source=phantom", "weights=random", "logger=csv"]
    endless = ["stages=[train/infill]", "training.iterations=1000000", "callbacks.checkpoint_minutes=1000"]
    return [sys.executable, "-m", "mammo_gan.run", *settings, *endless, f"paths.output={output}", *overrides]


def told_to_end(output: Path, received: signal.Signals, *overrides: str, **environment: str) -> tuple[int, str]:
    """Exit code and screen of a run that gets the signal a little after its training has begun."""
    begun = time.time()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    running = subprocess.Popen(
        command(output, *overrides), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=kept | environment, text=True
    )
    while not any(file.stat().st_mtime > begun for file in output.rglob("metrics.csv")):
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.1)
    running.send_signal(received)
    said, _ = running.communicate(timeout=90)
    return running.returncode, said


@pytest.mark.parametrize("trainer", ["cpu", pytest.param("ddp_cpu", marks=pytest.mark.slow)])
def test_a_slurm_job_whose_time_is_up_is_queued_again_and_goes_on(output: Path, tmp_path: Path, trainer: str) -> None:
    asked = write_scontrol(tmp_path)
    settings = (f"trainer={trainer}", f"seed={1 if trainer == 'cpu' else 2}")
    if trainer == "ddp_cpu":
        run(output, "source=phantom", "stages=[index,prepare/patches]", "seed=2")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    code, said = told_to_end(output, signal.SIGUSR1, *settings, PATH=path, SLURM_JOB_ID="4711")
    assert code == 128 + signal.SIGUSR1, said
    assert asked.read_text(encoding="utf-8") == "requeue 4711\n"
    assert "4711 is queued again" in said
    assert "Traceback" not in said
    code, said = told_to_end(output, signal.SIGTERM, *settings)
    assert code == 128 + signal.SIGTERM, said
    assert re.search(r"going on from iteration [1-9]\d*, .*last\.ckpt", said)
    assert asked.read_text(encoding="utf-8") == "requeue 4711\n"


def test_control_c_writes_a_checkpoint_and_says_how_to_go_on(output: Path) -> None:
    code, said = told_to_end(output, signal.SIGINT, "trainer=cpu", "callbacks.workers=2", "training.average_decay=0.9")
    assert code == 128 + signal.SIGINT, said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert list(output.rglob("checkpoints/last.ckpt"))
