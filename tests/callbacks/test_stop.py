from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.stop import StopAtIteration
from tests.callbacks.tiny_gan import TinyGan, fit


def test_stops_when_the_method_has_done_its_iterations(tmp_path: Path) -> None:
    method = TinyGan()
    fit(method, tmp_path, [StopAtIteration(7)])
    assert int(method.iterations) == 7


def test_a_complete_training_does_no_step_when_resumed(tmp_path: Path) -> None:
    method = TinyGan()
    fit(method, tmp_path, [StopAtIteration(6), AtomicCheckpoint(tmp_path, None)])
    again = TinyGan(seed=1)
    fit(again, tmp_path, [StopAtIteration(6)], resume=find_last(tmp_path))
    assert again.seen == []
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), method.parameters(), strict=True))


def test_a_complete_training_can_be_made_longer(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(6), AtomicCheckpoint(tmp_path, None)])
    again = TinyGan()
    fit(again, tmp_path, [StopAtIteration(9)], resume=find_last(tmp_path))
    assert int(again.iterations) == 9
    assert len(again.seen) == 3


def test_zero_iterations_train_nothing(tmp_path: Path) -> None:
    method = TinyGan()
    fit(method, tmp_path, [StopAtIteration(0)])
    assert method.seen == []


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        StopAtIteration(-1)
