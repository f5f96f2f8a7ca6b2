"""Memory that ran out is told with settings that need less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mammo_gan.errors import UserError
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.stages.training import memory
from mammo_gan.stages.training.devices import Devices
from tests.stages.running import run


def devices(processes: int = 1, accumulate: int = 1) -> Devices:
    return Devices(
        accelerator="cpu", devices=processes, nodes=1, start="local", precision="32-true", accumulate=accumulate
    )


def test_what_torch_says_of_memory_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert memory.is_shortage(caught.value)
    assert memory.is_shortage(torch.OutOfMemoryError("CUDA out of memory"))
    assert not memory.is_shortage(RuntimeError("shapes differ"))


@pytest.mark.parametrize(
    ("batch_size", "on", "said"),
    [
        (8, devices(), "8 images at once.*trainer.accumulate=2: .*training.batch_size=4,"),
        (12, devices(processes=2, accumulate=2), "3 images at once.*trainer.accumulate=3: .*training.batch_size=6,"),
        (2, devices(accumulate=2), "1 image at once.*which is the least.*bf16-mixed"),
    ],
)
def test_the_next_thing_to_try_fits(batch_size: int, on: Devices, said: str) -> None:
    text = str(memory.shortage(batch_size, on))
    with pytest.raises(UserError, match=said):
        raise UserError(text)


def test_a_training_without_memory_says_what_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: CiGAN, batch: Any, batch_idx: int) -> None:
        torch.empty(2**50)

    with monkeypatch.context() as patch:
        patch.setattr(CiGAN, "training_step", step)
        with pytest.raises(UserError, match=r"memory ran out with 4 images.*trainer\.accumulate=2"):
            run(tmp_path, "source=phantom", "stages=[index,prepare/patches,train/infill]")
    run(tmp_path, "source=phantom", "stages=[train/infill]", "trainer.accumulate=2")


def test_a_growing_training_is_told_of_its_schedule() -> None:
    text = str(memory.shortage_while_growing(devices(accumulate=2)))
    assert "trainer.accumulate=4: the same batches in 4 parts" in text
    assert "smaller training.schedule.batch_sizes" in text
