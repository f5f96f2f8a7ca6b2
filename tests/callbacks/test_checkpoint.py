from __future__ import annotations

import logging
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.checkpoint_files import AtomicCheckpointIO
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.random_state import RandomState
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.errors import UserError
from mammo_gan.interruption import Interrupted, Interruption
from tests.callbacks.children import Training, ended, finish, started
from tests.callbacks.disks import nearly_full, no_room_left
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
    monkeypatch.setattr(
        AtomicCheckpoint, "save", lambda self, trainer, iteration, best=False: written.append(iteration)
    )
    fit(TinyGan(), tmp_path, [StopAtIteration(5), AtomicCheckpoint(tmp_path, 1.0)])
    assert written == [3, 4, 5, 5]  # nothing was saved, so each iteration from the third on is due, and the end


def test_a_full_disk_leaves_the_checkpoint_of_before(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with nearly_full(folder) as mounted:
        fit(TinyGan(), tmp_path, [StopAtIteration(4), AtomicCheckpoint(folder, None)])
        with no_room_left(folder, 8, mounted) as number:
            before = sorted(folder.iterdir())
            with pytest.raises(OSError, match=r"last\.ckpt") as raised:
                fit(TinyGan(), tmp_path, [StopAtIteration(6), AtomicCheckpoint(folder, None)], resume=find_last(folder))
            assert (raised.value.errno, raised.value.filename) == (number, str(folder / "last.ckpt"))
            assert sorted(folder.iterdir()) == before  # nothing unfinished is left
            assert iteration_of(find_last(folder)) == 4
        fit(TinyGan(), tmp_path, [StopAtIteration(6), AtomicCheckpoint(folder, None)], resume=find_last(folder))
        assert iteration_of(find_last(folder)) == 6


def test_a_full_disk_ends_both_processes(tmp_path: Path) -> None:
    training = Training(tmp_path, 4)
    with nearly_full(training.checkpoints) as mounted:
        if not mounted:
            pytest.skip("a limit on the size of files would hold for the test's process and not for these")
        finish(training, 2)
        with no_room_left(training.checkpoints, 8, mounted), started(Training(tmp_path, 6), 2) as children:
            assert ended(children) == [1, 1]
        said = f"OSError: [Errno 28] No space left on device: '{training.checkpoints / 'last.ckpt'}'"
        assert training.stderr.splitlines().count(said) == 2
        assert iteration_of(find_last(training.checkpoints)) == 4


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_the_writer_says_which_file_did_not_fit(size: int, tmp_path: Path) -> None:
    # Of a large tensor torch itself reports only that its archive is in disorder.
    with nearly_full(tmp_path / "c") as mounted, no_room_left(tmp_path / "c", 2, mounted) as number:
        file = tmp_path / "c" / "x.ckpt"
        with pytest.raises(OSError, match=r"x\.ckpt") as raised:
            AtomicCheckpointIO().save_checkpoint({"a": torch.ones(size)}, file)
        assert (raised.value.errno, raised.value.filename) == (number, str(file))
        assert not file.exists()


def test_another_fault_of_the_writer_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        AtomicCheckpointIO().save_checkpoint({"a": lambda: None}, tmp_path / "x.ckpt")


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
        (record,) = caplog.records
        said = record.getMessage()
        assert said.startswith(f"{tmp_path}: can't load last.ckpt (")
        assert said.endswith("); going on from previous.ckpt instead")
        assert "\n" not in said


def test_one_that_was_not_renamed_yet_is_the_newest(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(10), AtomicCheckpoint(tmp_path, None, 4)])
    (tmp_path / "last.ckpt").rename(tmp_path / "next.ckpt")
    assert iteration_of(find_last(tmp_path)) == 10
    fit(TinyGan(), tmp_path, [StopAtIteration(11), AtomicCheckpoint(tmp_path, None)], resume=find_last(tmp_path))
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["last.ckpt", "previous.ckpt"]
    assert iteration_of(tmp_path / "last.ckpt") == 11


def test_files_none_of_which_loads_are_not_passed_over(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(10), AtomicCheckpoint(tmp_path, None, 4)])
    for name in ("last.ckpt", "previous.ckpt"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-200])
    with pytest.raises(UserError, match=r"last\.ckpt .* nor previous\.ckpt .*resume=none") as raised:
        find_last(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


class Runs:
    """A pickle of it writes a file when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_not_loaded(zipped: bool, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    torch.save({"state_dict": Runs(canary)}, tmp_path / "last.ckpt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"last\.ckpt") as raised:
        find_last(tmp_path)
    assert not canary.exists()
    assert "weights_only" not in str(raised.value)  # torch's advice to load it all the same
    if zipped:
        assert "could run code" in str(raised.value)
    torch.load(tmp_path / "last.ckpt", weights_only=False)
    assert canary.exists()  # so it would have been written


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert find_last(tmp_path) is None
    assert find_last(tmp_path / "missing") is None


def test_what_a_killed_process_had_begun_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".next.ckpt.123").write_bytes(b"half")
    (tmp_path / ".best.ckpt.123").write_bytes(b"half")
    (tmp_path / ".of-the-user").write_bytes(b"whole")
    fit(TinyGan(), tmp_path, [StopAtIteration(2), AtomicCheckpoint(tmp_path, None)])
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [".of-the-user", "last.ckpt"]


def test_a_noted_signal_ends_with_a_checkpoint(tmp_path: Path) -> None:
    kill = At(7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with Interruption() as interruption, pytest.raises(Interrupted) as raised, interruption.deferred():
        checkpoint = AtomicCheckpoint(tmp_path, None, interruption=interruption)
        fit(TinyGan(), tmp_path, [StopAtIteration(50), kill, checkpoint])
    assert raised.value.signal == signal.SIGTERM
    method = TinyGan()
    assert iteration_of(find_last(tmp_path)) == 7
    fit(method, tmp_path, [StopAtIteration(9)], resume=find_last(tmp_path))
    assert int(method.iterations) == 9


def test_a_signal_within_a_write_waits_for_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, written = torch.save, []

    def signalled(state: dict[str, Any], file: Any) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        save(state, file)
        written.append(int(state["state_dict"]["iterations"]))

    monkeypatch.setattr("mammo_gan.callbacks.checkpoint_files.torch.save", signalled)
    with Interruption() as interruption, pytest.raises(Interrupted), interruption.deferred():
        fit(TinyGan(), tmp_path, [AtomicCheckpoint(tmp_path, None, 4, interruption)])
    assert written == [4, 5]
    assert iteration_of(find_last(tmp_path)) == 5


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
