from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.statistics.shift import largest_gap, shift

samples = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


@given(samples, samples)
def test_the_largest_gap_is_that_of_the_shares_below_any_value(values: list[float], real: list[float]) -> None:
    gaps = (
        abs(sum(x <= at for x in values) / len(values) - sum(x <= at for x in real) / len(real)) for at in values + real
    )
    assert largest_gap(values, real) == pytest.approx(max(gaps))


def test_a_shift_is_told_in_real_standard_deviations() -> None:
    real = np.random.default_rng(0).gamma(2.0, 3.0, size=500)
    assert shift(real + 2 * real.std(), real) == pytest.approx(2)
    other = np.random.default_rng(1).normal(size=300)
    quantiles = (np.arange(150_000) + 0.5) / 150_000
    at = (np.quantile(sample, quantiles, method="inverted_cdf") for sample in (other, real))
    assert shift(other, real) == pytest.approx(np.abs(np.subtract(*at)).mean() / real.std(), rel=1e-3)


@pytest.mark.parametrize("distance", [shift, largest_gap])
def test_only_finite_values_count(distance: object) -> None:
    assert callable(distance)
    with_gaps = [np.nan, 1.0, 2.0, np.inf, 4.0]
    assert distance([0.0, 3.0, -np.inf], with_gaps) == distance([0.0, 3.0], [1.0, 2.0, 4.0])
    assert distance([np.nan], with_gaps) is None
    assert distance([1.0], []) is None


def test_without_spread_there_is_no_unit() -> None:
    assert shift([1.0, 2.0], [3.0, 3.0]) is None
    assert shift([1.0, 2.0], [3.0]) is None
    assert largest_gap([1.0, 2.0], [3.0, 3.0]) == 1
