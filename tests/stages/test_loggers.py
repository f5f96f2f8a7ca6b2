"""Dashboards without an account, and without the machine's or a person's name in them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mammo_gan.stages import loggers
from tests.stages.running import run


def test_paths_are_cut_down_to_names() -> None:
    settings = {"source": "/home/jane/vgg.safetensors", "sizes": [1, 2.5, "a/b"], "lr": 1e-4, "name": "random"}
    expected = {"source": "vgg.safetensors", "sizes": [1, 2.5, "b"], "lr": 1e-4, "name": "random"}
    assert loggers.without_folders(settings) == expected


def test_a_run_without_a_key_is_kept_offline_and_names_neither_host_nor_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no .netrc there
    output = tmp_path / "Jane-Doe"
    pipeline = "stages=[index,prepare/patches,train/infill]"
    ran = run(output, "source=phantom", pipeline, "logger=wandb")
    kept = list(ran.run_folder.rglob("*.wandb"))
    assert len(kept) == 1
    content = kept[0].read_bytes()
    assert b"generator/feature" in content
    for secret in ("Jane-Doe", socket.gethostname() if len(socket.gethostname()) > 3 else "Jane-Doe"):
        assert secret.encode() not in content


def test_tensorboard_is_written_when_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    ran = run(tmp_path, "source=phantom", "stages=[index,prepare/patches,train/infill]", "logger=tensorboard")
    assert list(ran.run_folder.rglob("events.out.tfevents.*"))
