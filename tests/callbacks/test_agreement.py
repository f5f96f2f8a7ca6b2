"""Several processes agree on the greatest of what they say."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed

from mammo_gan.callbacks.agreement import Agreement
from tests.callbacks.children import FORKED

PROCESSES = 2
SAID = [[0, 15, 0], [1, 2, 0]]


def test_one_process_agrees_with_itself() -> None:
    alone: Any = SimpleNamespace(world_size=1)
    assert Agreement(alone).greatest((3, 0, 7)) == [3, 0, 7]


@pytest.mark.parametrize("backend", ["gloo", "nccl"])
def test_all_hear_the_greatest_of_each(backend: str, tmp_path: Path) -> None:
    if backend == "nccl" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    # CUDA wants processes that start from nothing.
    context: Any = multiprocessing.get_context("spawn") if backend == "nccl" else FORKED
    heard = context.SimpleQueue()
    children = [
        context.Process(target=_agree, args=(rank, backend, tmp_path / "store", heard)) for rank in range(PROCESSES)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert [heard.get() for _ in children] == [([1, 15, 0], [2])] * PROCESSES


def _agree(rank: int, backend: str, store: Path, heard: SimpleQueue[Any]) -> None:
    # Both processes on one GPU, which messages of its own kind would refuse: so none are sent there.
    torch.distributed.init_process_group(backend, init_method=f"file://{store}", rank=rank, world_size=PROCESSES)
    trainer: Any = SimpleNamespace(world_size=PROCESSES)
    agreement = Agreement(trainer)
    found = agreement.greatest(SAID[rank]), agreement.greatest([1 + rank])
    agreement.close()
    heard.put(found)
    os._exit(0)
