"""A full disk is known whoever ran into it: Python or torch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mammo_gan.errors import UserError
from mammo_gan.stages.jobs import full_disk

FULL = Path("/dev/full")  # takes nothing, as a full disk does
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")


def by_python() -> None:
    FULL.write_text("x" * 100_000, encoding="utf-8")


def by_torch() -> None:
    with FULL.open("wb") as file:
        torch.save({"weights": torch.zeros(100_000)}, file)


def met(write: Callable[[], None]) -> Exception:
    with pytest.raises(Exception) as caught:
        write()
    return caught.value


@needs_full
@pytest.mark.parametrize("write", [by_python, by_torch])
def test_a_full_disk_is_one_line_that_names_the_place(tmp_path: Path, write: Callable[[], None]) -> None:
    told = full_disk.explain(met(write), tmp_path / "not" / "yet" / "there")
    assert told is not None
    assert "\n" not in str(told)
    assert "MiB left" in str(told)
    assert told.exit_code == 2


def test_an_error_that_was_raised_because_of_it_counts(tmp_path: Path) -> None:
    cause = OSError(28, "No space left on device", str(tmp_path / "last.ckpt"))
    error = UserError("the checkpoint could not be written")
    error.__cause__ = cause
    assert str(tmp_path / "last.ckpt") in str(full_disk.explain(error, tmp_path))


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), ValueError("disk"), RuntimeError("PytorchStreamWriter failed")]
)
def test_other_errors_are_left_alone(tmp_path: Path, error: Exception) -> None:
    assert full_disk.explain(error, tmp_path) is None


def test_the_temporary_folder_is_named_where_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "tmp"
    other.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(other))
    monkeypatch.setattr(full_disk, "_free", lambda path: 0 if path == other else 2**30)
    assert f"{other} could not be written (0 MiB left)" in str(full_disk.explain(OSError(28, "full"), tmp_path))
