from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mammo_gan.statistics.folds import corrected_t

DIFFERENCES = st.lists(st.floats(-1, 1).map(lambda value: round(value, 6)), min_size=2, max_size=10)


def test_a_worked_example() -> None:
    # Mean 0.02, s = 0.01; variance (1/3 + 1/2) * 0.0001, so its root is 0.0091287; t(2) at 97.5 % is 4.302653.
    found = corrected_t([0.01, 0.02, 0.03], 0.5)
    assert found.difference == pytest.approx(0.02)
    assert found.interval == pytest.approx((0.02 - 0.0392776, 0.02 + 0.0392776), abs=1e-7)
    # P(|t(2)| > t) = 1 - t / sqrt(2 + t^2), with t = 0.02 / 0.0091287 = 2.1908902.
    assert found.p_value == pytest.approx(1 - 2.1908902 / np.sqrt(2 + 2.1908902**2), abs=1e-7)


@given(DIFFERENCES)
def test_without_a_correction_it_is_the_paired_t_test(differences: list[float]) -> None:
    found = corrected_t(differences, 0)
    if np.ptp(differences) == 0:
        return
    reference = stats.ttest_1samp(differences, 0)
    low, high = reference.confidence_interval()
    assert found.p_value == pytest.approx(float(reference.pvalue), rel=1e-6, abs=1e-12)
    assert found.interval == pytest.approx((float(low), float(high)), rel=1e-6, abs=1e-9)


@given(DIFFERENCES, st.floats(0.01, 3))
def test_dependence_makes_it_wider_and_never_surer(differences: list[float], ratio: float) -> None:
    plain, corrected = corrected_t(differences, 0), corrected_t(differences, ratio)
    if plain.interval is None or corrected.interval is None or plain.p_value is None or corrected.p_value is None:
        assert plain == corrected
        return
    widths = [high - low for low, high in (plain.interval, corrected.interval)]
    assert widths[1] == pytest.approx(widths[0] * np.sqrt(1 + len(differences) * ratio))
    assert corrected.p_value >= plain.p_value - 1e-12


def test_the_level_holds_where_folds_depend_as_the_correction_supposes() -> None:
    """Three folds whose correlation is n2 / (n1 + n2) = 1/3: the plain t-test finds too much."""
    rng = np.random.default_rng(1)
    covariance = np.full((3, 3), 1 / 3) + np.eye(3) * 2 / 3
    drawn = rng.multivariate_normal(np.zeros(3), covariance, size=2000)
    shares = [
        np.mean([found.p_value is not None and found.p_value < 0.05 for found in (corrected_t(d, r) for d in drawn)])
        for r in (0, 0.5)
    ]
    assert shares[0] > 0.09
    assert 0.035 < shares[1] < 0.065


def test_what_the_folds_cannot_tell() -> None:
    one = corrected_t([0.1], 0.5)
    assert (one.difference, one.interval, one.p_value) == (0.1, None, None)
    alike = corrected_t([0.1, 0.1, 0.1], 0.5)
    assert (alike.interval, alike.p_value) == (None, None)
    nothing = corrected_t([0.0, 0.0], 0.5)
    assert (nothing.difference, nothing.interval, nothing.p_value) == (0.0, (0.0, 0.0), 1.0)


@pytest.mark.parametrize(
    ("differences", "ratio"), [([], 0.5), ([np.nan, 0.1], 0.5), ([0.1, 0.2], -0.1), ([0.1], np.nan)]
)
def test_what_is_no_row_of_differences_is_refused(differences: list[float], ratio: float) -> None:
    with pytest.raises(ValueError, match=r"needed|or more"):
        corrected_t(differences, ratio)
