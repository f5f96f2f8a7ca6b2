from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, AtomicCheckpointIO, find_last
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.stop import StopAtIteration
from tests.callbacks.tiny_gan import TinyGan, fit


class At(Callback):
    """Does something after an iteration."""

    def __init__(self, iteration: int, action: Any) -> None:
        self.iteration, self.action = iteration, action

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if int(pl_module.iterations) == self.iteration:  # type: ignore[arg-type]
            self.action()


def iteration_of(path: Path | None) -> int:
    assert path is not None
    return int(torch.load(path, weights_only=True)["state_dict"]["iterations"])


def run(folder: Path, iterations: int, *, seed: int, resume: Path | None = None) -> tuple[TinyGan, dict[str, Any]]:
    method, average = TinyGan(), GeneratorAverage(0.9)
    torch.manual_seed(seed)
    callbacks = [StopAtIteration(iterations), average, RandomState(), AtomicCheckpoint(folder, None, 4)]
    trainer = fit(method, folder, callbacks, resume=resume)
    return method, {
        "weights": method.state_dict(),
        "optimisers": [optimizer.state_dict()["state"] for optimizer in trainer.optimizers],
        "average": average.state_dict()["average"],
        "random": torch.rand(3),
    }


@pytest.mark.parametrize("cut", [4, 7])
def test_a_resumed_training_equals_the_uninterrupted_one(tmp_path: Path, cut: int) -> None:
    with torch.random.fork_rng([]):
        whole, expected = run(tmp_path / "whole", 15, seed=1)
        first, _ = run(tmp_path / "cut", cut, seed=1)
        second, found = run(tmp_path / "cut", 15, seed=2, resume=find_last(tmp_path / "cut"))
    assert first.seen + second.seen == whole.seen
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(10), AtomicCheckpoint(tmp_path / "c", None, 4)])
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["last.ckpt", "previous.ckpt"]
    assert iteration_of(tmp_path / "c" / "last.ckpt") == 10
    assert iteration_of(tmp_path / "c" / "previous.ckpt") == 8


def test_minutes_are_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 20))  # every look at the clock is 20 s after the one before
    monkeypatch.setattr("mammo_gan.callbacks.checkpoint.time.monotonic", lambda: next(clock))
    written: list[int] = []
    monkeypatch.setattr(AtomicCheckpoint, "save", lambda self, trainer, iteration: written.append(iteration))
    fit(TinyGan(), tmp_path, [StopAtIteration(5), AtomicCheckpoint(tmp_path, 1.0)])
    assert written == [3, 4, 5, 5]  # nothing was saved, so each iteration from the third on is due, and the end


def test_a_write_that_fails_leaves_the_checkpoint_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(4), AtomicCheckpoint(tmp_path, None)])

    def full_disk(state: dict[str, Any], file: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mammo_gan.callbacks.checkpoint.torch.save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fit(TinyGan(), tmp_path, [StopAtIteration(6), AtomicCheckpoint(tmp_path, None)], resume=tmp_path / "last.ckpt")
    assert iteration_of(find_last(tmp_path)) == 4


def test_writer_renames_only_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    sync, replace = os.fsync, Path.replace

    def flush(descriptor: int) -> None:
        events.append("flush")
        sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        events.append("rename")
        return replace(self, target)

    monkeypatch.setattr("mammo_gan.files.os.fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(2)}, tmp_path / "new" / "x.ckpt")
    assert events == ["flush", "rename", "flush"]  # the file, its name, the folder
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.ckpt"]


def test_the_one_before_is_taken_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(10), AtomicCheckpoint(tmp_path, None, 4)])
    last = tmp_path / "last.ckpt"
    for content in (last.read_bytes()[:-200], b"", b"not a checkpoint"):
        last.write_bytes(content)
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            assert iteration_of(find_last(tmp_path)) == 8
        assert str(last) in caplog.text


def test_a_pickle_that_would_run_code_is_not_loaded(tmp_path: Path) -> None:
    torch.save({"callbacks": AtomicCheckpoint(tmp_path, None)}, tmp_path / "last.ckpt")
    assert find_last(tmp_path) is None


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert find_last(tmp_path) is None
    assert find_last(tmp_path / "missing") is None


def test_sigterm_saves_where_it_was(tmp_path: Path) -> None:
    kill = At(7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SIGTERMException):
        fit(TinyGan(), tmp_path, [StopAtIteration(50), kill, AtomicCheckpoint(tmp_path, None)])
    method = TinyGan()
    assert iteration_of(find_last(tmp_path)) == 7
    fit(method, tmp_path, [StopAtIteration(9)], resume=find_last(tmp_path))
    assert int(method.iterations) == 9


def test_an_error_within_a_step_saves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fit(TinyGan(), tmp_path, [StopAtIteration(50), At(3, fail), AtomicCheckpoint(tmp_path / "c", None)])
    assert find_last(tmp_path / "c") is None


def test_intervals_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every_minutes"):
        AtomicCheckpoint(tmp_path, 0)
    with pytest.raises(ValueError, match="every_iterations"):
        AtomicCheckpoint(tmp_path, None, 0)
