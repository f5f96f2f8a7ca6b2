from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torchmetrics.functional.classification import binary_auroc

from mammo_gan.statistics.bootstrap import interval_by_patient
from mammo_gan.statistics.roc import auc, compare, delong, interval


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(m, n): 1 where the positive is above the negative, 0.5 where they tie."""
    return np.asarray(np.greater.outer(x, y) + 0.5 * np.equal.outer(x, y))


def by_all_pairs(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong et al. 1988, equations 3 to 5, written out over all pairs."""
    pairs = [kernel(row[labels == 1], row[labels == 0]) for row in scores]
    aucs = np.array([p.mean() for p in pairs])
    m, n = pairs[0].shape
    covariance = np.empty((len(pairs), len(pairs)))
    for r, one in enumerate(pairs):
        for s, other in enumerate(pairs):
            s10 = ((one.mean(1) - aucs[r]) * (other.mean(1) - aucs[s])).sum() / (m - 1)
            s01 = ((one.mean(0) - aucs[r]) * (other.mean(0) - aucs[s])).sum() / (n - 1)
            covariance[r, s] = s10 / m + s01 / n
    return aucs, covariance


def drawn(seed: int, count: int = 60, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.4).astype(int)
    scores = rng.normal(size=(3, count)) + np.outer([0.0, 0.7, 1.5], labels)
    return np.round(scores, 1) if ties else scores, labels


@pytest.mark.parametrize("ties", [True, False])
def test_agrees_with_all_pairs(ties: bool) -> None:
    scores, labels = drawn(0, ties=ties)
    found, (aucs, covariance) = delong(scores, labels), by_all_pairs(scores, labels)
    np.testing.assert_allclose(found.aucs, aucs, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-10)


def test_the_area_agrees_with_torchmetrics_and_with_mann_whitney() -> None:
    scores, labels = drawn(1, 200)
    u = stats.mannwhitneyu(scores[1][labels == 1], scores[1][labels == 0]).statistic
    assert auc(scores[1], labels) == pytest.approx(u / (labels.sum() * (1 - labels).sum()), rel=1e-12)
    in_range = torch.from_numpy((scores[1] + 10) / 20)  # or torchmetrics takes them for logits
    assert auc(scores[1], labels) == pytest.approx(float(binary_auroc(in_range, torch.from_numpy(labels))), rel=1e-6)


def test_one_row_a_patient_is_delong_and_copies_add_no_certainty() -> None:
    scores, labels = drawn(2)
    once = delong(scores, labels)
    patients = [f"p{k}" for k in range(len(labels))]
    np.testing.assert_allclose(delong(scores, labels, patients).covariance, once.covariance, rtol=1e-10)
    copied = delong(np.tile(scores, 5), np.tile(labels, 5), patients * 5)
    np.testing.assert_allclose(copied.aucs, once.aucs, rtol=1e-12)
    np.testing.assert_allclose(copied.covariance, once.covariance, rtol=1e-10)
    assert (np.diag(delong(np.tile(scores, 5), np.tile(labels, 5)).covariance) < np.diag(once.covariance) / 4).all()


def test_patients_with_both_classes_agree_with_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(150), 4)
    labels = rng.integers(0, 2, 150)[patients] ^ (rng.random(600) < 0.1)
    scores = rng.normal(size=600) + 0.8 * labels + 1.5 * rng.normal(size=150)[patients]
    found = delong(scores, labels, patients)
    low, high = interval(float(found.aucs[0]), float(found.covariance[0, 0])) or (0, 0)
    resampled = interval_by_patient(
        lambda rows: auc(scores[rows], labels[rows]), [str(p) for p in patients], np.random.default_rng(4), 400
    )
    assert resampled == pytest.approx((low, high), abs=0.012)
    independent = delong(scores, labels).covariance[0, 0]
    assert abs(found.covariance[0, 0] / independent - 1) > 0.2  # so that the test tells the two apart


def test_the_interval_covers_the_area_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = stats.norm.cdf(1.5 / np.sqrt(2))
    labels = np.repeat([0, 1], [40, 40])
    hits = 0
    for _ in range(400):
        found = delong(rng.normal(size=80) + 1.5 * labels, labels)
        low, high = interval(float(found.aucs[0]), float(found.covariance[0, 0])) or (1, 0)
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_an_area_without_spread_has_no_interval() -> None:
    labels = np.repeat([0, 1], 5)
    for scores, area in ((labels, 1.0), (-labels, 0.0), (np.zeros(10), 0.5)):
        found = delong(scores, labels)
        assert found.aucs[0] == area
        assert interval(float(found.aucs[0]), float(found.covariance[0, 0])) is None
    single = delong([0.1, 0.2, 0.3], [0, 0, 1])
    assert np.isnan(single.covariance).all()
    assert interval(0.5, float(single.covariance[0, 0])) is None
    low, high = interval(0.99, 0.01**2) or (0, 0)
    assert 0 < low < 0.99 < high < 1


def test_the_paired_test_agrees_with_its_formula_and_goes_both_ways() -> None:
    scores, labels = drawn(6)
    found = delong(scores, labels)
    forth, back = compare(found, 1, 2), compare(found, 2, 1)
    c = found.covariance
    z = (found.aucs[1] - found.aucs[2]) / np.sqrt(c[1, 1] + c[2, 2] - 2 * c[1, 2])
    assert forth.p_value == pytest.approx(2 * stats.norm.cdf(-abs(z)), rel=1e-10)
    assert back.p_value == pytest.approx(forth.p_value)
    assert back.difference == -forth.difference
    assert forth.interval is not None
    assert np.mean(forth.interval) == pytest.approx(forth.difference)


def test_scores_that_order_alike_have_a_p_value_of_one() -> None:
    scores, labels = drawn(7)
    same = compare(delong([scores[1], scores[1]], labels))
    assert (same.difference, same.interval, same.p_value) == (0, (0, 0), 1)
    stretched = compare(delong([scores[1], np.exp(3 * scores[1])], labels))
    assert (stretched.difference, stretched.p_value) == (0, 1)


def test_opposite_perfect_scores_cannot_be_tested() -> None:
    labels = np.repeat([0, 1], 5)
    found = compare(delong([labels, -labels], labels))
    assert (found.difference, found.interval, found.p_value) == (1, None, None)
    single = compare(delong([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]], [0, 0, 1]))
    assert (single.interval, single.p_value) == (None, None)


def test_a_hundred_thousand_scores_take_no_matrix_of_pairs() -> None:
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 2, 100_000)
    found = delong(rng.normal(size=100_000) + labels, labels)
    assert found.aucs[0] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.01)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="needs both classes"):
        delong([0.1, 0.2], [1, 1])
    assert np.isnan(auc([0.1, 0.2], [1, 1]))
    with pytest.raises(ValueError, match="NaNs"):
        auc([0.1, np.nan], [0, 1])
    with pytest.raises(ValueError, match="0 or 1"):
        auc([0.1, 0.2], [1, 2])
    with pytest.raises(ValueError, match="are needed"):
        auc([0.1, 0.2], [1])
    with pytest.raises(ValueError, match="one patient per row"):
        delong([0.1, 0.2], [0, 1], ["a"])
