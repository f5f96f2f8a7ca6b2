"""The affine map of grey values: exact both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammo_gan.imaging.grey_range import GreyRange

patches = st.sampled_from([np.uint8, np.uint16]).flatmap(lambda dtype: arrays(dtype, (3, 5)))


@given(patches)
def test_every_grey_value_comes_back(patch: np.ndarray) -> None:
    grey = GreyRange.of(patch)
    unit = grey.to_unit(patch)
    assert unit.dtype == np.float32
    assert unit.min() == 0
    assert unit.max() == (1 if patch.min() < patch.max() else 0)
    assert (np.rint(grey.from_unit(unit)) == patch).all()


def test_all_values_of_16_bits_come_back() -> None:
    patch = np.arange(2**16, dtype=np.uint16)[None]
    grey = GreyRange.of(patch)
    assert (np.rint(grey.from_unit(grey.to_unit(patch))) == patch).all()


def test_the_map_is_affine_and_keeps_within_the_range() -> None:
    grey = GreyRange(100, 300)
    assert grey.to_unit(np.array([[100, 150, 300]])).tolist() == [[0, 0.25, 1]]
    assert grey.from_unit(np.array([[-1, 0, 0.25, 1, 2]])) == pytest.approx(np.array([[100, 100, 150, 300, 300]]))
