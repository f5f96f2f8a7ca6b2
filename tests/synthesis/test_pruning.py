from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mammo_gan.statistics.moments import Moments, moments
from mammo_gan.synthesis.pruning import prune_outliers

NAMES = Moments._fields


def images(count: int, seed: int) -> np.ndarray:
    """(N, 24, 20) in [0, 1]: a bright, structured half of varying brightness and width on black."""
    rng = np.random.default_rng(seed)
    grey = ndimage.gaussian_filter(rng.normal(size=(count, 24, 20)), (0, 2, 2))
    grey = rng.normal(0.5, 0.04, (count, 1, 1)) + rng.normal(0.08, 0.01, (count, 1, 1)) * grey / grey.std()
    grey *= np.arange(20) < rng.uniform(10, 15, (count, 1, 1))
    return np.asarray(np.clip(grey, 0, 1))


def of(grey: np.ndarray) -> np.ndarray:
    return np.stack(moments(grey), axis=1)


def test_planted_outliers_are_found_with_what_is_wrong() -> None:
    real = of(images(400, 0))
    dark, bright, noisy, flat = images(4, 1)
    noise = np.random.default_rng(2).normal(size=noisy.shape)
    planted = np.stack([0.1 * dark, 1.0 - 0.1 * bright, np.clip(noisy + 0.5 * noise, 0, 1), np.full_like(flat, 0.4)])
    synthetic = of(np.concatenate([images(60, 3), planted]))
    found = prune_outliers(real, synthetic, NAMES, quantile=0.999)
    assert set(found.removed.tolist()) >= {60, 61, 62, 63}
    assert not found.kept[60:].any()
    assert found.kept[:60].sum() >= 58
    assert found.removed[0] == 63
    assert np.isinf(found.distances[63])
    assert found.farthest(63) == "skewness"  # the first that a constant image lacks
    assert found.deviations[60, 0] < -5  # mean
    assert found.deviations[61, 0] > 5
    assert found.deviations[62, 1] > 0  # variance
    assert all(found.farthest(k) == NAMES[int(np.argmax(np.abs(found.deviations[k])))] for k in range(63))


@pytest.mark.parametrize("quantile", [0.9, 0.98])
def test_of_images_like_the_real_ones_the_stated_share_goes(quantile: float) -> None:
    drawn = of(images(3000, 4))
    found = prune_outliers(drawn[:2000], drawn[2000:], NAMES, quantile)
    expected = 1 - quantile
    spread = np.sqrt(expected * quantile * (1 / 1000 + 1 / 2000))
    assert abs((~found.kept).mean() - expected) < 4 * spread
    assert prune_outliers(drawn, drawn, NAMES, quantile).kept.mean() == pytest.approx(quantile, abs=1e-3)
    assert prune_outliers(drawn, drawn, NAMES, 1.0).kept.all()


def normal(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N, 3) that hang together, and their covariance."""
    mixing = np.array([[2.0, 0, 0], [1.5, 0.5, 0], [0.3, -0.2, 1.0]])
    return np.random.default_rng(seed).normal(size=(count, 3)) @ mixing.T, mixing @ mixing.T


def test_distances_are_those_of_the_covariance_though_odd_images_are_among_the_real() -> None:
    clean, covariance = normal(4000, 0)
    odd = np.random.default_rng(1).normal([30, -30, 10], 0.5, size=(400, 3))
    probes = np.array([[0.0, 0, 0], [4, 3, 1], [4, -3, 1], [0, 0, 6]])
    expected = np.sqrt(np.einsum("ij,jk,ik->i", probes, np.linalg.inv(covariance), probes))
    found = prune_outliers(np.concatenate([clean, odd]), probes, ("a", "b", "c"))
    np.testing.assert_allclose(found.distances, expected, rtol=0.15, atol=0.15)
    np.testing.assert_allclose(found.deviations, probes / np.sqrt(np.diag(covariance)), rtol=0.15, atol=0.15)
    # By plain mean and covariance the odd ones make (4, -3, 1) look near.
    everything = np.cov(np.concatenate([clean, odd]), rowvar=False)
    plain = np.sqrt(probes[2] @ np.linalg.inv(everything) @ probes[2])
    assert found.distances[2] > 2 * plain


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(1e-4, 1e4), min_size=3, max_size=3),
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    st.integers(0, 50),
)
def test_units_make_no_difference(gain: list[float], offset: list[float], seed: int) -> None:
    (real, _), (synthetic, _) = normal(60, seed), normal(20, seed + 1000)
    before, after = (
        prune_outliers(a * real + b, a * synthetic + b, ("a", "b", "c"), 0.9)
        for a, b in ((np.ones(3), np.zeros(3)), (np.array(gain), np.array(gain) * offset))
    )
    np.testing.assert_allclose(after.distances, before.distances, rtol=1e-5)
    np.testing.assert_allclose(after.deviations, before.deviations, rtol=1e-5, atol=1e-7)
    assert after.limit == pytest.approx(before.limit, rel=1e-5)


def test_a_real_image_without_a_moment_is_not_counted() -> None:
    real, synthetic = of(images(100, 0)), of(images(20, 1))
    blank = of(np.zeros((30, 24, 20)))
    alone, among = (prune_outliers(rows, synthetic, NAMES) for rows in (real, np.concatenate([blank, real])))
    np.testing.assert_array_equal(among.distances, alone.distances)
    assert among.limit == alone.limit


def test_what_has_no_outliers_is_refused() -> None:
    real, _ = normal(40, 0)
    names = ("a", "b", "c")
    with pytest.raises(ValueError, match="need 30 real images; got 29"):
        prune_outliers(real[:29], real, names)
    with pytest.raises(ValueError, match=r"got \(40, 3\) and \(40, 2\)"):
        prune_outliers(real, real[:, :2], names)
    for quantile in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"got {quantile}"):
            prune_outliers(real, real, names, quantile)
    with pytest.raises(ValueError, match="hardly varies"):
        prune_outliers(real * [1, 1, 0], real, names)
    with pytest.raises(ValueError, match="follows from the others"):
        prune_outliers(real[:, [0, 1, 0]], real, names)
