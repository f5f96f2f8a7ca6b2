from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mammo_gan.statistics.distances import blocks, blocks_within, two_sets


@pytest.mark.parametrize("values", [1, 40, 10**6])
def test_blocks_agree_with_scipy_and_stay_within_bounds(values: int) -> None:
    x, y = two_sets(*np.split(np.random.default_rng(0).normal(5.0, 1.0, size=(30, 6)), [17]))
    found = np.empty((17, 13))
    for rows, squared in blocks(x, y, values):
        assert squared.size <= max(values, 13)
        found[rows] = squared
    np.testing.assert_allclose(found, cdist(x, y, "sqeuclidean"), rtol=1e-10)


def test_a_copy_is_at_zero_and_no_row_is_its_own_neighbour() -> None:
    f = np.random.default_rng(1).normal(size=(8, 500))
    f[5] = f[2]
    x, _ = two_sets(f, f[:1])
    found = np.concatenate([squared for _, squared in blocks_within(x, values=20)])
    assert found[2, 5] == found[5, 2] == 0
    assert np.isinf(np.diag(found)).all()
    assert (found[~np.eye(8, dtype=bool)] == 0).sum() == 2


def test_a_common_shift_changes_nothing() -> None:
    f1, f2 = np.random.default_rng(2).normal(size=(2, 20, 3))
    (_, near), (_, far) = next(blocks(*two_sets(f1, f2))), next(blocks(*two_sets(f1 + 1e6, f2 + 1e6)))
    np.testing.assert_allclose(far, near, rtol=1e-7)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="needed; got"):
        two_sets(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="needed; got"):
        two_sets(np.zeros((0, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="infs or NaNs"):
        two_sets(np.zeros((2, 3)), np.full((2, 3), np.nan))
