from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from mammo_gan.callbacks.random_state import RandomState


@contextmanager
def states_kept() -> Iterator[None]:
    python, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng([]):
        yield
    random.setstate(python)
    np.random.set_state(numpys)  # noqa: NPY002


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
    torch.manual_seed(number)


def draw() -> list[float]:
    """From each generator; an odd number of normal ones, which come in pairs."""
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.normal(), float(torch.randn(()))]  # noqa: NPY002


def start(callback: RandomState, rank: int = 0, processes: int = 1) -> None:
    trainer: Any = SimpleNamespace(global_rank=rank, world_size=processes, is_global_zero=rank == 0)
    callback.on_train_start(trainer, pl.LightningModule())


def of_two_processes() -> dict[str, Any]:
    states = []
    for rank in range(2):
        seed(10 + rank)
        states += RandomState().state_dict()["processes"]
    return {"processes": states}


def test_the_next_numbers_are_those_after_the_checkpoint(tmp_path: Path) -> None:
    with states_kept():
        seed(3)
        draw()
        torch.save(RandomState().state_dict(), tmp_path / "state")
        expected = draw()
        seed(99)
        callback = RandomState()
        callback.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        draw()  # what starting a loader may draw
        start(callback)
        assert draw() == expected
        start(callback)  # a second training of the same callback goes on
        assert draw() != expected


def test_each_process_takes_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with states_kept():
        checkpoint, found = of_two_processes(), []
        for rank in range(2):
            callback = RandomState()
            callback.load_state_dict(checkpoint)
            start(callback, rank, 2)
            found.append(draw())
        expected = []
        for rank in range(2):
            seed(10 + rank)
            expected.append(draw())
        assert found == expected
    assert not caplog.records


@pytest.mark.parametrize("processes", [1, 3])
def test_another_number_of_processes_is_said_once(processes: int, caplog: pytest.LogCaptureFixture) -> None:
    with states_kept(), caplog.at_level(logging.WARNING):
        checkpoint = of_two_processes()
        for rank in range(processes):
            seed(20 + rank)
            own = draw()
            seed(20 + rank)
            callback = RandomState()
            callback.load_state_dict(checkpoint)
            start(callback, rank, processes)
            found = draw()
            seed(10 + rank)
            assert found == (draw() if rank < 2 else own)
    (record,) = caplog.records
    assert f"of a training with 2 process(es), this one has {processes}" in record.getMessage()


def test_a_new_training_keeps_the_state_it_has() -> None:
    with states_kept():
        seed(5)
        expected = draw()
        seed(5)
        start(RandomState())
        assert draw() == expected
