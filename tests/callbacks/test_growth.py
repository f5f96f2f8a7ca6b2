"""A new stage forgets the optimisers' moments, also if the training was stopped just before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.growth import Growth
from tests.methods.small_mammogan import fit, small_mammogan

AT = {4: "10x8 fading from iteration 4, 24 images", 13: "20x16 fading from iteration 13, 60 images"}
STEPS = [1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]


class Steps(Callback):
    """How many steps each optimiser's moments are of, after each iteration: of the critic's last layer's."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def on_train_batch_end(self, trainer: pl.Trainer, method: pl.LightningModule, *_: Any) -> None:
        last = method.get_submodule("critic.last").get_parameter("weight")
        self.counts.append(int(trainer.optimizers[1].state[last]["step"]))


def test_each_stage_begins_with_fresh_moments_and_is_said() -> None:
    said: list[str] = []
    steps, method = Steps(), small_mammogan()
    fit(method, 15, callbacks=[steps], growth=Growth(said.append))
    assert steps.counts == STEPS
    assert said == list(AT.values())
    assert int(method.optimised_stage) == 2


@pytest.mark.parametrize("cut", [3, 4, 12, 14])
def test_a_training_that_was_stopped_forgets_them_once(cut: int, tmp_path: Path) -> None:
    fit(small_mammogan(), cut, callbacks=[AtomicCheckpoint(tmp_path, None)], enable_checkpointing=True)
    said: list[str] = []
    steps = Steps()
    fit(small_mammogan(seed=1), 15, resume=find_last(tmp_path), callbacks=[steps], growth=Growth(said.append))
    assert said == [text for iteration, text in AT.items() if iteration > cut]
    assert steps.counts == STEPS[cut:]
    before = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert before["optimised_stage"] == (cut > 3) + (cut > 12)
