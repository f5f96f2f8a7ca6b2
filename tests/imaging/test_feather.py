"""Weights over a lesion and its margin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammo_gan.imaging.feather import feathered
from mammo_gan.imaging.margin import margin


@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))), st.floats(1.0, 2.0))
def test_all_of_the_mask_part_of_the_margin_nothing_beyond(mask: np.ndarray, scale: float) -> None:
    weights, ring = feathered(mask, scale), margin(mask, scale)
    assert (weights[mask] == 1).all()
    assert ((weights[ring] > 0) & (weights[ring] < 1)).all()
    assert (weights[~mask & ~ring] == 0).all()


def test_weights_fall_evenly_from_the_mask_outwards() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[20:40, 20:60] = True
    weights = feathered(mask, 1.5)  # 10 columns more on either side, 5 rows
    assert weights[30, 59:72].tolist() == pytest.approx([1, *(k / 11 for k in range(10, 0, -1)), 0, 0])
    assert weights[39:47, 40].tolist() == pytest.approx([1, *(k / 6 for k in range(5, 0, -1)), 0, 0])


def test_weights_fall_towards_the_patchs_border() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[5:15, 5:15] = True
    weights = feathered(mask, 2.0)  # the margin is all that is left of the patch
    assert weights[10, 14:].tolist() == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
