from __future__ import annotations

import pytest

from mammo_gan.schedules.learning_rate import exponential


def test_decays_by_the_factor_every_so_many_iterations_and_a_little_at_each() -> None:
    assert exponential(0, factor=0.99, every=500) == 1
    assert exponential(500, factor=0.99, every=500) == pytest.approx(0.99)
    assert exponential(250, factor=0.99, every=500) ** 2 == pytest.approx(0.99)
    assert exponential(100_000, factor=0.99, every=500) == pytest.approx(0.99**200)
