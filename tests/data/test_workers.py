"""Processes that load batches live through signals that are not for them, and never longer than needed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.data.workers import ignore_signals

SOON = 120.0  # s, for what takes one on a quiet machine


class Numbers(IterableDataset[int]):
    """Whole numbers from 0; at `stuck_at` it hangs, as on a disk that doesn't answer."""

    def __init__(self, stuck_at: int | None = None) -> None:
        self.stuck_at = stuck_at

    def __iter__(self) -> Iterator[int]:
        number = 0
        while number != self.stuck_at:
            yield number
            number += 1
        time.sleep(1000)


def loading(dataset: Numbers) -> tuple[Iterator[int], psutil.Process]:
    """Numbers one by one, and the process that loads them."""
    before = {child.pid for child in psutil.Process().children()}
    numbers = iter(DataLoader(dataset, batch_size=None, num_workers=1, worker_init_fn=ignore_signals))
    assert next(numbers) == 0
    (worker,) = [child for child in psutil.Process().children() if child.pid not in before]
    return numbers, worker


@pytest.mark.parametrize("name", ["INT", "TERM", "USR1", "USR2"])
def test_a_signal_from_elsewhere_changes_nothing(name: str) -> None:
    numbers, worker = loading(Numbers())
    subprocess.run(["kill", f"-{name}", str(worker.pid)], check=True)
    assert [next(numbers) for _ in range(20)] == list(range(1, 21))
    assert worker.is_running()
    del numbers
    worker.wait(SOON)


def test_its_own_training_process_can_end_one_that_hangs() -> None:
    numbers, worker = loading(Numbers(stuck_at=1))
    os.kill(worker.pid, signal.SIGTERM)
    worker.wait(SOON)
    del numbers
