"""Dashboards without an account, and without the machine's or a person's name in them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mammo_gan.stages.training import loggers
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


@pytest.mark.parametrize(
    ("variables", "entry", "has_key"),
    [
        ({}, "", False),
        ({"WANDB_API_KEY": "k"}, "", True),
        ({"WANDB_API_KEY": "k", "WANDB_MODE": "offline"}, "", False),
        ({}, "machine api.wandb.ai login user password k", True),
        ({"WANDB_BASE_URL": "https://wandb.example.org:8080"}, "machine api.wandb.ai login user password k", False),
        ({"WANDB_BASE_URL": "https://wandb.example.org:8080"}, "machine wandb.example.org login user password k", True),
        ({}, "not a netrc", False),
    ],
)
def test_a_run_is_sent_only_with_a_key_for_its_server(
    variables: dict[str, str], entry: str, has_key: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(entry)
    (tmp_path / ".netrc").chmod(0o600)
    assert loggers.has_wandb_key() == has_key


def test_tensorboard_is_written_when_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    ran = run(tmp_path, "source=phantom", "stages=[index,prepare/patches,train/infill]", "logger=tensorboard")
    assert list(ran.run_folder.rglob("events.out.tfevents.*"))
