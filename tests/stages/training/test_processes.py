"""A training of several processes: the same weights as of one, one folder, and an end for all when one is lost."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file

from mammo_gan.errors import UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages.training import processes, trained
from tests.stages.jobs.sweeping import SETTINGS, states
from tests.stages.running import run
from tests.stages.training.stand_ins import write_srun

LONG = "training.iterations=100000"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index and patches of a phantom, which all tests here share."""
    folder = tmp_path_factory.mktemp("output")
    run(folder, "source=phantom", "stages=[index,prepare/patches]")
    return folder


@pytest.fixture(scope="module")
def alone(output: Path) -> Path:
    """What one process trains."""
    folder = run(output, "source=phantom", "stages=[train/infill]").folders["train/infill"]
    return folder.rename(folder.with_name("alone"))


def test_two_processes_train_as_one_and_leave_one_folder(output: Path, alone: Path) -> None:
    ran = run(output, "source=phantom", "stages=[train/infill]", "trainer=ddp_cpu", name="two")
    _assert_equal(ran.folders["train/infill"], alone)
    assert '"processes": 2' in (ran.folders["train/infill"] / trained.TRAINING).read_text(encoding="utf-8")
    assert sorted(path.name for path in (output / "runs").iterdir()) == ["run", "two"]
    ran.folders["train/infill"].rename(output / "two")


@pytest.mark.slow
def test_jobs_of_a_sweep_have_a_folder_each_however_many_processes_train(tmp_path: Path) -> None:
    settings = [override for override in SETTINGS if not override.startswith("trainer=")]
    sweep = ["-m", *settings, f"paths.output={tmp_path}", "trainer=ddp_cpu", "seed=1,2"]
    stages = "stages=[index,prepare/patches,train/infill]"
    done = subprocess.run(
        [sys.executable, "-m", "mammo_gan.run", *sweep, stages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(tmp_path) == ["done", "done"]
    (sweep_folder,) = (tmp_path / "sweeps" / "cigan_ddsm").iterdir()
    assert sorted(path.name for path in sweep_folder.iterdir() if path.is_dir()) == ["0", "1"]
    assert not (tmp_path / "runs").exists()
    assert len([path for path in (tmp_path / "stages" / "train-infill").iterdir() if path.is_dir()]) == 2


@pytest.mark.slow
def test_slurm_starts_all_by_one_srun(
    output: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in_a_slurm_job(tmp_path, monkeypatch)
    ran = run(output, "source=phantom", "stages=[train/infill]", *SLURM, name="slurm")
    _assert_equal(ran.folders["train/infill"], alone)
    ran.folders["train/infill"].rename(output / "slurm")


SLURM = ("trainer=slurm", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true")


def _in_a_slurm_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_srun(folder)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "1")


def _assert_equal(found: Path, expected: Path) -> None:
    """Float32 rounding apart: gradients are means of two halves' means."""
    weights, wanted = load_file(found / trained.GENERATOR), load_file(expected / trained.GENERATOR)
    for name in wanted:
        torch.testing.assert_close(weights[name], wanted[name], rtol=1e-5, atol=1e-6, msg=name)
    for row, other in zip(_rows(found), _rows(expected), strict=True):
        assert row["images_seen"] == other["images_seen"]
        if other["generator/feature"]:
            assert float(row["generator/feature"]) == pytest.approx(float(other["generator/feature"]), rel=1e-5)


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / trained.METRICS).read_text(encoding="utf-8").splitlines()))


class Killer(threading.Thread):
    """Kills the process of rank 1 once the training has logged something; keeps when."""

    def __init__(self, output: Path) -> None:
        super().__init__(daemon=True)
        self.output, self.killed_at, self.begun = output, 0.0, time.time()
        self.start()

    def run(self) -> None:
        while not any(file.stat().st_mtime > self.begun for file in self.output.rglob("metrics.csv")):
            time.sleep(0.1)
        for process in psutil.Process().children(recursive=True):
            environment = process.environ()
            is_rank = "mammo_gan.stages.training.rank" in process.cmdline()
            if is_rank and environment.get("SLURM_PROCID", environment.get("RANK")) == "1":
                self.killed_at = time.monotonic()
                process.kill()


def test_a_lost_process_is_named_and_the_others_end(output: Path) -> None:
    killer = Killer(output)
    with pytest.raises(processes.ProcessError, match=r"process 1 of 2 was killed by SIGKILL.*same command") as caught:
        run(output, "source=phantom", "stages=[train/infill]", "trainer=ddp_cpu", LONG)
    assert caught.value.exit_code == 1
    assert time.monotonic() - killer.killed_at < 60
    _assert_none_left()


@pytest.mark.slow
def test_a_task_that_srun_lost_is_named(output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in_a_slurm_job(tmp_path, monkeypatch)
    Killer(output)
    with pytest.raises(processes.ProcessError, match="process 1: Killed; the training's 2 processes have been ended"):
        run(output, "source=phantom", "stages=[train/infill]", *SLURM, LONG, "seed=1")
    _assert_none_left()


def _assert_none_left() -> None:
    time.sleep(0.2)
    left = [process.cmdline() for process in psutil.Process().children(recursive=True)]
    assert not [words for words in left if "mammo_gan.stages.training.rank" in words]


def test_bad_input_is_said_once_as_one_process_would(output: Path, tmp_path: Path) -> None:
    others = tmp_path / "generator.safetensors"
    save_file({"weight": torch.zeros(1)}, others)
    with pytest.raises(UserError, match=r"init_from=.*expected weights of a Generator") as caught:
        run(output, "source=phantom", "stages=[train/infill]", "trainer=ddp_cpu", f"init_from={others}")
    assert caught.value.exit_code == UserError.exit_code


def test_processes_that_hang_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    children = [
        processes._Started(subprocess.Popen([sys.executable, "-c", code], start_new_session=True), str(rank))
        for rank, code in enumerate((deaf, "raise SystemExit(1)"))
    ]
    ended = processes._watch(children, Interruption())
    assert [(child.name, code) for child, code in ended] == [("1", 1), ("0", -signal.SIGKILL)]


def test_slurm_without_a_job_is_refused(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match="runs within a SLURM job"):
        run(output, "source=phantom", "stages=[train/infill]", *SLURM, "seed=1")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["trainer=ddp_cpu", "training.batch_size=5"], "batch_size=5 .* can't be shared.* 6 could"),
        (["trainer.accumulate=3"], "trainer.accumulate=3 parts each; 6 could"),
        (["trainer.nodes=2"], "several nodes need SLURM"),
        (["trainer.devices=0"], "expected 1 or more"),
        (["trainer.start=mpirun"], "expected local or srun"),
    ],
)
def test_processes_that_cannot_share_the_work_are_refused(tmp_path: Path, overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        run(tmp_path, "source=phantom", *overrides)


@pytest.mark.parametrize("variable", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_being_started_many_times_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "2")
    with pytest.raises(UserError, match="Start it once"):
        run(tmp_path, "source=phantom")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(output: Path) -> None:
    with pytest.raises(UserError, match=r"found 0 GPUs.*trainer=cpu"):
        run(output, "source=phantom", "stages=[train/infill]", "trainer=gpu")
