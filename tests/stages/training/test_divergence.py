"""A training that diverges is rolled back, with lower learning rates, and ends when that doesn't help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mammo_gan.data.batches import InfillBatch
from mammo_gan.errors import DivergenceError
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.stages import train
from mammo_gan.stages.training import trained
from tests.stages.running import run

Terms = Callable[[CiGAN, InfillBatch], dict[str, LossTerm]]
SETTINGS = ("source=phantom", "stages=[index,prepare/patches,train/infill]")


def diverging(at: int, when: Callable[[CiGAN], bool]) -> Terms:
    """The discriminator's terms, NaN in the iteration after the `at`-th while `when` holds."""
    healthy = CiGAN.discriminator_terms

    def terms(self: CiGAN, batch: InfillBatch) -> dict[str, LossTerm]:
        found = healthy(self, batch)
        if int(self.iterations) == at and when(self):
            found = {name: LossTerm(term.value * torch.nan, term.weight) for name, term in found.items()}
        return found

    return terms


def test_goes_on_with_lower_learning_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CiGAN, "discriminator_terms", diverging(6, lambda method: method.learning_rate_factor == 1))
    ran = run(tmp_path, *SETTINGS)
    assert "Rolled back (1 of 3)" in ran.screen
    folder = ran.folders["train/infill"]
    described = json.loads((folder / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["iterations"] == 10
    (rollback,) = described["rollbacks"]
    assert rollback["learning_rate_factor"] == 0.5
    assert "NaN" in rollback["seen"]
    last = torch.load(folder / train.CHECKPOINTS / "last.ckpt", weights_only=True)
    rates = [group["lr"] for state in last["optimizer_states"] for group in state["param_groups"]]
    assert rates == [0.5e-4, 0.5e-4]
    assert list(folder.glob("divergence/*/rank0.safetensors"))


def test_a_checkpoint_that_was_spoiled_already_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A checkpoint after every iteration; the one just before the fault is not gone on from.
    clock = iter(range(0, 10_000_000, 10_000))
    monkeypatch.setattr("mammo_gan.callbacks.checkpoint.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(CiGAN, "discriminator_terms", diverging(6, lambda method: method.learning_rate_factor == 1))
    ran = run(tmp_path, *SETTINGS)
    checkpoints = ran.folders["train/infill"] / train.CHECKPOINTS
    (spoiled,) = checkpoints.glob("before-divergence-0000007.ckpt")
    assert int(torch.load(spoiled, weights_only=True)["state_dict"]["iterations"]) == 6
    assert "previous.ckpt" in ran.screen


def test_ends_with_a_line_and_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CiGAN, "discriminator_terms", diverging(6, lambda method: True))
    with pytest.raises(DivergenceError, match=r"NaN.*rolled back 2 times already.*resume=none") as caught:
        run(tmp_path, *SETTINGS, "divergence.rollbacks=2")
    assert caught.value.exit_code == 3
    assert caught.value.__str__().count("\n") == 0


def test_another_beginning_forgets_the_rollbacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(CiGAN, "discriminator_terms", diverging(6, lambda method: True))
        with pytest.raises(DivergenceError):
            run(tmp_path, *SETTINGS, "divergence.rollbacks=1")
    ran = run(tmp_path, *SETTINGS, "divergence.rollbacks=1", "resume=none")
    described = json.loads((ran.folders["train/infill"] / trained.TRAINING).read_text(encoding="utf-8"))
    assert described["rollbacks"] == []
