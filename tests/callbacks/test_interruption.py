"""A training that is told to end by a signal leaves a checkpoint of its last iteration, and goes on from there."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.callbacks.children import FOREVER, Training, differences, ended, finish, iteration_of, started, wait_until

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_training_with_a_checkpoint(number: signal.Signals, tmp_path: Path) -> None:
    training = Training(tmp_path / "told")
    with started(training) as (child,):
        wait_until(lambda: training.reached(5))
        os.kill(child.pid or 0, number)
        assert ended([child]) == [128 + number]
    found = training.newest()
    assert iteration_of(found) == training.done() < FOREVER
    # The signal may come when an iteration has just been closed, then it is the next one that is the last.
    assert training.begun_after_the_signal() <= 1
    assert sorted(file.name for file in training.checkpoints.iterdir()) == ["last.ckpt"]

    stop = iteration_of(found) + 5
    whole = finish(Training(tmp_path / "whole", stop))
    assert differences(finish(replace(training, stop=stop)), whole) == []


def test_one_process_of_two_that_is_told_ends_both(tmp_path: Path) -> None:
    training = Training(tmp_path / "told", signal_to_itself=(1, 7, signal.SIGTERM))
    with started(training, 2) as children:
        assert ended(children) == [128 + signal.SIGTERM] * 2
    assert iteration_of(training.newest()) == 7
    whole = finish(Training(tmp_path / "whole", 12), 2)
    assert differences(finish(replace(training, stop=12, signal_to_itself=None), 2), whole) == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_to_the_whole_group_spares_the_loading_processes(number: signal.Signals, tmp_path: Path) -> None:
    training = Training(tmp_path, workers=2, own_group=True)
    with started(training) as (child,):
        wait_until(lambda: training.reached(5))
        workers = psutil.Process(child.pid).children()
        assert len(workers) == 2
        os.killpg(child.pid or 0, number)
        assert ended([child]) == [128 + number]
    assert iteration_of(training.newest()) == training.done()
    assert "Traceback" not in training.stderr
    assert "DataLoader" not in training.stderr
    wait_until(lambda: not any(map(lives, workers)))


def test_loading_processes_end_with_a_training_that_is_killed(tmp_path: Path) -> None:
    training = Training(tmp_path, workers=2)
    with started(training) as (child,):
        wait_until(lambda: training.reached(5))
        workers = psutil.Process(child.pid).children()
        assert len(workers) == 2
    wait_until(lambda: not any(map(lives, workers)))


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
