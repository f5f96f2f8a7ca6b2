from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.statistics.multiple import holm


def test_a_worked_example() -> None:
    # 0.01 * 4; 0.02 * 3; 0.03 * 2 = 0.06; 0.04 * 1 may not fall below it
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.999))
def test_rejects_what_the_step_down_procedure_does(p_values: list[float], level: float) -> None:
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    rejected = set()
    for step, k in enumerate(order):
        if p_values[k] * (len(order) - step) > level:
            break
        rejected.add(k)
    assert {k for k, p in enumerate(holm(p_values)) if p <= level} == rejected


def test_a_test_that_was_not_made_is_not_counted() -> None:
    np.testing.assert_allclose(holm([0.01, np.nan, 0.6]), [0.02, np.nan, 0.6])
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        holm([0.5, 1.1])
