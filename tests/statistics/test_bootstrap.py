from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mammo_gan.statistics.bootstrap import ratio_by_patient


def test_one_patch_per_patient_agrees_with_scipys_percentile_bootstrap() -> None:
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=60)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = ratio_by_patient(values, np.ones(60), [str(k) for k in range(60)], np.random.default_rng(2), 4000)
    assert found == pytest.approx((reference.low, reference.high), abs=0.02)


def test_copies_of_a_patients_patches_add_no_certainty() -> None:
    values = np.random.default_rng(3).normal(size=20)
    patients = [str(k) for k in range(20)]
    once = ratio_by_patient(values, np.ones(20), patients, np.random.default_rng(4))
    nine_times = ratio_by_patient(np.tile(values, 9), np.ones(180), patients * 9, np.random.default_rng(4))
    assert once == pytest.approx(nine_times)


def test_a_ratio_that_is_the_same_everywhere_has_no_spread() -> None:
    below = np.random.default_rng(5).random(30) + 1
    found = ratio_by_patient(3 * below, below, [str(k % 7) for k in range(30)], np.random.default_rng(6))
    assert found == pytest.approx((3.0, 3.0))


def test_one_patient_has_no_interval() -> None:
    assert ratio_by_patient([1.0, 2.0], [1.0, 1.0], ["a", "a"], np.random.default_rng(0)) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one value per patch"):
        ratio_by_patient([1.0, 2.0], [1.0, 1.0], ["a"], np.random.default_rng(0))
