"""A SLURM job whose time is up asks to be queued again; one that was cancelled doesn't."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.stages.jobs import requeue
from tests.stages.training.stand_ins import write_scontrol


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return write_scontrol(tmp_path)


def after(received: signal.Signals) -> str | None:
    return requeue.after(Interrupted(received), Interruption())


def test_a_job_whose_time_is_up_is_queued_again(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert "4711 is queued again" in str(after(signal.SIGUSR1))
    assert asked.read_text(encoding="utf-8") == "requeue 4711\n"


def test_a_job_of_an_array_goes_by_its_task(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in (("SLURM_JOB_ID", "4712"), ("SLURM_ARRAY_JOB_ID", "4711"), ("SLURM_ARRAY_TASK_ID", "3")):
        monkeypatch.setenv(variable, value)
    after(signal.SIGUSR1)
    assert asked.read_text(encoding="utf-8") == "requeue 4711_3\n"


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
def test_what_was_cancelled_stays_so(asked: Path, monkeypatch: pytest.MonkeyPatch, received: signal.Signals) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert after(received) is None
    assert not asked.exists()


def test_outside_slurm_there_is_nothing_to_queue(asked: Path) -> None:
    assert after(signal.SIGUSR1) is None
    assert not asked.exists()


def test_a_refusal_is_said(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scontrol = asked.with_name("scontrol")
    scontrol.write_text("#!/bin/sh\necho 'Job can not be requeued' >&2\nexit 1\n", encoding="utf-8")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert "could not be queued again (Job can not be requeued)" in str(after(signal.SIGUSR1))
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no scontrol on the PATH" in str(after(signal.SIGUSR1))


def test_whoever_waited_for_the_signal_gets_it() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
    try:
        with pytest.raises(Interrupted) as caught, Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGUSR2)
        assert heard == []
        assert requeue.after(caught.value, interruption) == "handed on to whoever started this job"
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert heard == [signal.SIGUSR2]
