"""Trainings in processes of their own, which a test may signal, kill, and start again.

They are forked from a server that has torch loaded, so that one starts in a fraction of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.growth import Growth
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.data.store import PatchStore, PatchWriter
from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.methods.base import GanMethod
from mammo_gan.methods.data_parallel import DataParallel
from tests.callbacks import tiny_gan
from tests.data import mammogram_store
from tests.data.test_infill import row
from tests.methods import small, small_dcgan, small_mammogan

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__])
PATCHES = 11  # so that batches of 4 lie across the ends of epochs
FOREVER = 10**6  # iterations
SOON = 120.0  # s, for what takes one on a quiet machine


@dataclass(frozen=True)
class Training:
    """What a child trains, and what it leaves in `folder`: checkpoints/, progress, stderr."""

    folder: Path
    stop: int = FOREVER
    method: Literal["tiny", "cigan", "dcgan", "mammogan"] = "tiny"
    every: int | None = None  # iterations between checkpoints
    best: Best | None = None
    workers: int = 0
    temporary: Path | None = None  # TMPDIR
    signal_to_itself: tuple[int, int, int] | None = None  # (rank, iteration, signal)
    own_group: bool = False

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def progress(self) -> Path:
        return self.folder / "progress"

    @property
    def staged(self) -> Path:
        """Is there if a child has opened a file in its temporary folder."""
        return self.folder / "staged"

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def done(self) -> int:
        """Iterations that the last child has finished."""
        return self.progress.stat().st_size if self.progress.exists() else 0

    def reached(self, iteration: int) -> bool:
        """Whether the last child has started and come that far."""
        return self.progress.exists() and self.done() >= iteration

    def begun_after_the_signal(self) -> int:
        """Iterations, in all processes together."""
        file = self.folder / "begun after the signal"
        return file.stat().st_size if file.exists() else 0

    def newest(self) -> dict[str, Any]:
        """The content of the checkpoint that a training would go on from."""
        path = find_last(self.checkpoints)
        assert path is not None
        return load(path)


class _Reporting(Callback):
    """The size of a file is the number of iterations done: it stays behind when the process is killed.

    Rank zero alone logs `distance`, of the iterations done from 12.
    """

    logs_later = ("distance",)

    def __init__(self, training: Training, interruption: Interruption) -> None:
        self.training, self.interruption = training, interruption

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            begun = self.training.progress.with_suffix(".new")
            begun.write_bytes(b"." * _iterations(pl_module))
            begun.replace(self.training.progress)

    def on_train_batch_start(self, *_: Any) -> None:
        if self.interruption.received is not None:
            (self.training.folder / "begun after the signal").open("ab").write(b".")

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.is_global_zero:
            with self.training.progress.open("ab") as file:
                file.write(b".")
            trainer.callback_metrics["distance"] = torch.tensor(abs(12.0 - _iterations(pl_module)))
        if (trainer.global_rank, _iterations(pl_module)) == (self.training.signal_to_itself or ())[:2]:
            os.kill(os.getpid(), self.training.signal_to_itself[2])  # type: ignore[index]


@contextmanager
def started(training: Training, processes: int = 1) -> Iterator[list[ForkServerProcess]]:
    """One child, or the processes of one training. Those still alive at the end are killed."""
    training.folder.mkdir(parents=True, exist_ok=True)
    _write_store(training)
    port = _free_port()
    # As daemons the children could have no workers.
    children = [
        FORKED.Process(target=_train, args=(training, rank, processes, port), daemon=False) for rank in range(processes)
    ]
    try:
        for child in children:
            child.start()
        yield children
    finally:
        for child in children:
            if child.pid is not None:
                child.kill()
                child.join()


def ended(children: list[ForkServerProcess]) -> list[int | None]:
    """Exit codes, once all have ended."""
    for child in children:
        child.join(SOON)
    return [child.exitcode for child in children]


def finish(training: Training, processes: int = 1) -> dict[str, Any]:
    """Train in children to the end; the content of the last checkpoint."""
    with started(training, processes) as children:
        assert ended(children) == [0] * processes, training.stderr
    return training.newest()


def wait_until(condition: Callable[[], bool]) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < SOON, "waited too long"
        time.sleep(0.002)


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def iteration_of(checkpoint: dict[str, Any]) -> int:
    return int(checkpoint["state_dict"]["iterations"])


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two checkpoints are not equal, bit for bit."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [found for key in one for found in differences(one[key], other[key], f"{place}/{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, (a, b) in pairs for found in differences(a, b, f"{place}/{index}")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [place]
    return [] if type(one) is type(other) and one == other else [place]


def _train(training: Training, rank: int, processes: int, port: int) -> None:
    _settle(training, rank, processes, port)
    try:
        with Interruption() as interruption, interruption.deferred():
            _fit(training, rank, processes, interruption)
    except Interrupted as interrupted:
        sys.exit(interrupted.exit_code)


def _settle(training: Training, rank: int, processes: int, port: int) -> None:
    multiprocessing.set_start_method("fork", force=True)  # for workers; they would come from a server of their own
    if training.own_group:
        os.setsid()
    log = os.open(training.folder / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    if training.temporary is not None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(training.temporary)
        sys.addaudithook(partial(_note_staging, training))
    if processes > 1:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
        os.environ.update({name: str(value) for name, value in place.items()}, MASTER_ADDR="127.0.0.1")


def _note_staging(training: Training, event: str, arguments: tuple[Any, ...]) -> None:
    """Of every file that is opened, whether it lies in the temporary folder."""
    if event == "open" and str(arguments[0]).startswith(str(training.temporary)):
        training.staged.touch()


def _fit(training: Training, rank: int, processes: int, interruption: Interruption) -> None:
    pl.seed_everything(100 * rank + int(time.time()) % 100, verbose=False)  # states come from the checkpoint alone
    last = find_last(training.checkpoints)
    if last is None:
        pl.seed_everything(rank, verbose=False)
    methods: dict[str, Callable[[], GanMethod]] = {
        "tiny": tiny_gan.DrawingGan,
        "cigan": partial(small.small_cigan, log_every=5),
        "dcgan": partial(small_dcgan.small_dcgan, log_every=5, training_images=None),
        "mammogan": partial(small_mammogan.small_mammogan, minibatch_group=2, log_every=5),
    }
    method = methods[training.method]()
    callbacks = [
        StopAtIteration(training.stop),
        *([Growth()] if training.method == "mammogan" else []),
        GeneratorAverage(0.9, every_iteration=training.method == "mammogan"),
        RandomState(),
        _Reporting(training, interruption),
        AtomicCheckpoint(training.checkpoints, None, training.every, interruption, training.best),
    ]
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy=DataParallel(process_group_backend="gloo") if processes > 1 else "auto",
        max_epochs=1,
        callbacks=callbacks,
        logger=False,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=training.folder,
    )
    trainer.fit(method, datamodule=_data(training, processes), ckpt_path=last, weights_only=True)


def _data(training: Training, processes: int) -> pl.LightningDataModule:
    folder = training.folder / "store"
    if training.method == "mammogan":
        schedule, schema = small_mammogan.SCHEDULE, small_mammogan.SCHEMA
        return MammogramData(ImageStore.open(folder), schedule, schema, seed=5, workers=training.workers)
    kind = small_dcgan.LesionsOfInfillData if training.method == "dcgan" else InfillData
    return kind(PatchStore.open(folder), 4 // processes, seed=5, workers=training.workers, flips=True)


def _write_store(training: Training) -> None:
    folder, size = training.folder / "store", tiny_gan.SIZE if training.method == "tiny" else small.SIZE
    if folder.exists():
        return
    if training.method == "mammogan":
        mammogram_store.write(folder)
        return
    writer, rng = PatchWriter(folder, PATCHES, size), np.random.default_rng(0)
    for index in range(PATCHES):
        mask = np.zeros((size, size), bool)
        mask[1:5, 2 : 4 + index % 4] = True
        image = rng.integers(0, 256, (size, size)).astype(np.uint8)
        writer.append(image, mask, row("train", (2, 1, 4 + index % 4, 5), index % 2), np.ones((size, size), bool))
    writer.close()


def _iterations(method: pl.LightningModule) -> int:
    return int(method.iterations)  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
