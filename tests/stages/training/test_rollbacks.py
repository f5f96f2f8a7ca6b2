from __future__ import annotations

from pathlib import Path

import pytest

from mammo_gan.errors import DivergenceError
from mammo_gan.stages.training.rollbacks import Rollbacks


def diverged(iteration: int) -> DivergenceError:
    text = f"training diverged at iteration {iteration}: discriminator/adversarial was NaN."
    return DivergenceError(text, iteration=iteration, seen="discriminator/adversarial was NaN")


def test_learning_rates_fall_with_each_and_stay_low_when_resumed(tmp_path: Path) -> None:
    first = Rollbacks(tmp_path / "rollbacks.json", most=3, factor=0.5)
    assert first.learning_rate_factor == 1
    assert "Rolled back (1 of 3); learning rates are now 0.5 of their own" in first.add(diverged(7))
    assert "Rolled back (2 of 3)" in first.add(diverged(9))
    resumed = Rollbacks(tmp_path / "rollbacks.json", most=3, factor=0.5)
    assert resumed.learning_rate_factor == 0.25
    assert [(made.iteration, made.seen) for made in resumed.made] == [
        (7, "discriminator/adversarial was NaN"),
        (9, "discriminator/adversarial was NaN"),
    ]


def test_the_last_divergence_ends_the_training(tmp_path: Path) -> None:
    rollbacks = Rollbacks(tmp_path / "rollbacks.json", most=1, factor=0.5)
    rollbacks.add(diverged(7))
    with pytest.raises(DivergenceError, match=r"adversarial was NaN\. This training was rolled back 1 times") as caught:
        rollbacks.add(diverged(8))
    assert (caught.value.exit_code, caught.value.iteration) == (3, 8)
