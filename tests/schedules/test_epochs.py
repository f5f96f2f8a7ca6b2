from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.schedules.epochs import epoch_of, real_label, staircase


@pytest.mark.parametrize(("images", "epoch"), [(0, 0), (99, 0), (100, 1), (128, 1), (250, 2), (100_000, 1000)])
def test_an_epoch_begins_with_its_first_image(images: int, epoch: int) -> None:
    assert epoch_of(images, 100) == epoch


def test_a_staircase_steps_every_so_many_epochs() -> None:
    factors = [staircase(epoch, factor=0.99, every=8) for epoch in range(1000)]
    assert factors[:8] == [1.0] * 8
    assert factors[8:16] == pytest.approx([0.99] * 8)
    assert factors[-1] == pytest.approx(0.99**124)


def label(epoch: int, seed: int = 1) -> float:
    return real_label(epoch, low=0.7, high=1.0, seed=seed)


@given(st.integers(0, 10**6), st.integers(0, 2**31))
def test_a_label_is_a_function_of_seed_and_epoch(epoch: int, seed: int) -> None:
    assert 0.7 <= label(epoch, seed) < 1.0
    np.random.random()  # noqa: NPY002 - no global state takes part
    assert label(epoch, seed) == label(epoch, seed)


def test_labels_are_uniform_over_epochs_and_differ_between_seeds() -> None:
    labels = np.sort([label(epoch) for epoch in range(2000)])
    expected = 0.7 + 0.3 * (np.arange(2000) + 0.5) / 2000
    assert np.abs(labels - expected).max() < 0.3 * 1.63 / 2000**0.5  # Kolmogorov-Smirnov, p = 0.01
    assert label(0, seed=1) != label(0, seed=2)
