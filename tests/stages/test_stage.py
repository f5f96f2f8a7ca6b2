"""A stage's output is found again by its key, and made anew when anything behind it changed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import ClassVar

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo_gan.interruption import Interruption
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, Stage, describe, is_whole, key, make


class Write(Stage):
    """Writes two files and counts how often it ran."""

    version: ClassVar[int] = 1

    def __init__(self, inputs: list[str], text: str, unkeyed: DictConfig | None = None) -> None:
        super().__init__(inputs, unkeyed)
        self.text = text
        self.runs = 0
        self.archive = "as it was"

    def fingerprint(self) -> str:
        return self.archive

    def run(self, folder: Path, context: Context) -> None:
        self.runs += 1
        (folder / "deep").mkdir()
        (folder / "a.txt").write_text(self.text, encoding="utf-8")
        (folder / "deep" / "b.txt").write_text(self.text, encoding="utf-8")


class Fail(Write):
    def run(self, folder: Path, context: Context) -> None:
        super().run(folder, context)
        raise RuntimeError("on the way")


def node(**settings: object) -> DictConfig:
    return OmegaConf.create({"inputs": [], "text": "hello", **settings})


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path, "stage", {}, frozenset(), b"key", 1, Screen(), Interruption())


def test_a_whole_output_is_not_made_again(tmp_path: Path, context: Context) -> None:
    stage, folder = Write([], "hello"), tmp_path / "write" / "0123"
    assert make(stage, "0123", folder, context)
    assert not make(stage, "0123", folder, context)
    assert stage.runs == 1
    assert set(describe(folder)["files"]) == {"a.txt", "deep/b.txt"}


@pytest.mark.parametrize("harm", ["remove", "shorten", "unsign"])
def test_a_damaged_output_is_made_again(tmp_path: Path, context: Context, harm: str) -> None:
    stage, folder = Write([], "hello"), tmp_path / "write" / "0123"
    make(stage, "0123", folder, context)
    if harm == "remove":
        (folder / "deep" / "b.txt").unlink()
    elif harm == "shorten":
        (folder / "a.txt").write_text("hell", encoding="utf-8")
    else:
        (folder / "stage.json").write_text("{", encoding="utf-8")
    assert not is_whole(folder)
    assert make(stage, "0123", folder, context)
    assert is_whole(folder)


def test_a_failed_stage_is_not_whole_and_leaves_no_rest_for_the_next(tmp_path: Path, context: Context) -> None:
    folder = tmp_path / "write" / "0123"
    with pytest.raises(RuntimeError):
        make(Fail([], "hello"), "0123", folder, context)
    assert not is_whole(folder)
    assert make(Write([], "hello"), "0123", folder, context)


def test_the_key_follows_settings_inputs_version_and_fingerprint() -> None:
    stage = Write([], "hello")
    before = key(stage, node(), {"index": "1"})
    assert key(Write([], "hello"), node(), {"index": "1"}) == before
    assert key(stage, node(text="bye"), {"index": "1"}) != before
    assert key(stage, node(), {"index": "2"}) != before
    stage.archive = "another file"
    assert key(stage, node(), {"index": "1"}) != before


def test_a_new_version_has_a_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Write([], "hello")
    before = key(stage, node(), {})
    monkeypatch.setattr(Write, "version", 2)
    assert key(stage, node(), {}) != before


def test_what_is_unkeyed_leaves_the_key_alone() -> None:
    stage = Write([], "hello")
    assert key(stage, node(unkeyed={"jobs": 1}), {}) == key(stage, node(unkeyed={"jobs": 8}), {})


def _hold(folder: Path, context: Context) -> None:
    class Slow(Write):
        def run(self, folder: Path, context: Context) -> None:
            (folder / "started").touch()
            time.sleep(600)

    make(Slow([], "hello"), "0123", folder, context)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, context: Context) -> None:
    folder = tmp_path / "write" / "0123"
    holder = multiprocessing.get_context("fork").Process(target=_hold, args=(folder, context))
    holder.start()
    deadline = time.monotonic() + 30
    while not (folder / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert make(Write([], "hello"), "0123", folder, context)
    assert not (folder / "started").exists()
