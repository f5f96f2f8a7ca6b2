"""Images per second of two processes that train ciGAN together: the project's strategy and Lightning's DDP.

The pair is started once and trains by both strategies in turns, so a block is a fit in processes that are warm.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp
from pytorch_lightning.strategies import DDPStrategy

from mammo_gan.methods.cigan import CiGAN
from mammo_gan.methods.data_parallel import DataParallel
from tests.bench.runner import Benchmark
from tests.bench.training_step import in_lightning, method

PROCESSES = 2
IMAGES = 4  # of each process: the paper's batch of 8 over two
OURS, DDP, ALONE = "DataParallel", "DDP, unused parameters searched", "gradients not averaged"


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """At the demo's size over gloo, or over NCCL on two GPUs."""
    steps, blocks = (4, 2) if quick else (12, 9)
    backend = "nccl" if torch.cuda.device_count() >= PROCESSES else "gloo"
    with pair(scratch, steps, backend) as run:
        arms = {name: partial(run, name) for name in (OURS, DDP, ALONE)}
        name = f"ciGAN step, 64 px, {PROCESSES} processes over {backend}"
        yield Benchmark(name=name, unit="images/s", arms=arms, blocks=blocks)


@contextmanager
def pair(scratch: Path, steps: int, backend: str) -> Iterator[Callable[[str], float]]:
    """Two processes that train a block by the strategy that is named, and give images/s of both together."""
    context = mp.get_context("spawn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ends = [context.Pipe() for _ in range(PROCESSES)]
    processes = [
        context.Process(target=_serve, args=(rank, port, scratch, steps, backend, end), daemon=True)
        for rank, (_, end) in enumerate(ends)
    ]
    for process, (_, end) in zip(processes, ends, strict=True):
        process.start()
        end.close()

    def run(arm: str) -> float:
        for mine, _ in ends:
            mine.send(arm)
        return float(sum(_answer(mine) for mine, _ in ends))

    try:
        yield run
    finally:
        for process in processes:
            process.kill()
            process.join()


def _answer(connection: Connection) -> float:
    try:
        answer = connection.recv()
    except (EOFError, ConnectionError):
        raise RuntimeError("a training process ended in a block") from None
    if isinstance(answer, str):
        raise RuntimeError(f"a training process failed: {answer}")
    return float(answer)


def _serve(rank: int, port: int, scratch: Path, steps: int, backend: str, connection: Connection) -> None:
    """Train what the connection asks for, until the process is ended or fails."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": str(PROCESSES)}
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // PROCESSES))
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    try:
        blocks = _blocks(device, scratch, steps, backend)
        while True:
            connection.send(blocks[connection.recv()]())
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")


def _blocks(device: torch.device, scratch: Path, steps: int, backend: str) -> dict[str, Callable[[], float]]:
    # A strategy belongs to one Trainer, so each block makes its own.
    ours = partial(DataParallel, process_group_backend=backend)
    strategies: dict[str, Callable[[], DDPStrategy]] = {
        OURS: ours,
        DDP: partial(DDPStrategy, process_group_backend=backend, find_unused_parameters=True),
        ALONE: ours,
    }
    methods = {name: method("demo") for name in strategies}
    for name in (DDP, ALONE):  # whose gradients the wrapper averages, or nobody
        leave_gradients(methods[name])
    settings: dict[str, Any] = {"images": IMAGES, "devices": PROCESSES, "use_distributed_sampler": False}

    def block(name: str) -> float:
        return in_lightning(methods[name], steps, device, scratch, strategy=strategies[name](), **settings)()

    return {name: partial(block, name) for name in strategies}


def leave_gradients(method: CiGAN) -> None:
    """The method's own averaging is left out."""
    method._average_gradients = lambda optimizer: None  # type: ignore[method-assign]
