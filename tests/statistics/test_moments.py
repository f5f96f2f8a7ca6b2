from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mammo_gan.statistics.moments import Moments, moments


def test_agrees_with_scipy_image_by_image() -> None:
    images = np.random.default_rng(0).gamma(2.0, size=(4, 9, 13))
    found = moments(images)
    for k, image in enumerate(images):
        values = image.ravel()
        assert found.mean[k] == pytest.approx(values.mean(), rel=1e-12)
        assert found.variance[k] == pytest.approx(values.var(), rel=1e-12)
        assert found.skewness[k] == pytest.approx(stats.skew(values), rel=1e-10)
        assert found.kurtosis[k] == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-10)
        fifth = stats.moment(values, 5) / values.std() ** 5
        assert found.hyperskewness[k] == pytest.approx(fifth, rel=1e-10)


def test_a_bernoulli_image_has_its_closed_form() -> None:
    p = 0.25  # of ones
    image = np.zeros((8, 8), np.uint8)
    image[:2] = 1
    q = 1 - p
    sigma = (p * q) ** 0.5
    expected = [p, p * q] + [(q * p * (q ** (k - 1) - (-p) ** (k - 1))) / sigma**k for k in (3, 4, 5)]
    np.testing.assert_allclose(moments(image), expected, rtol=1e-12)


def test_a_change_of_contrast_moves_mean_and_variance_alone() -> None:
    image = np.random.default_rng(1).random((16, 16))
    before, after = moments(image), moments(3 * image + 7)
    assert after.mean == pytest.approx(3 * before.mean + 7)
    assert after.variance == pytest.approx(9 * before.variance)
    np.testing.assert_allclose(after[2:], before[2:], rtol=1e-9)


def test_a_mask_counts_its_pixels_alone() -> None:
    rng = np.random.default_rng(2)
    images, masks = rng.random((3, 12, 12)), rng.random((3, 12, 12)) > 0.6
    found = moments(images, masks)
    for k in range(3):
        np.testing.assert_allclose(
            [value[k] for value in found], moments(images[k][masks[k]].reshape(1, -1)), rtol=1e-10
        )


def test_float32_grey_levels_are_summed_in_float64() -> None:
    image = (np.random.default_rng(3).random((512, 512)) * 1e-3 + 1000).astype(np.float32)
    assert moments(image).variance == pytest.approx(np.var(image.astype(np.longdouble)), rel=1e-8)


@pytest.mark.parametrize("level", [0.0, 0.1, 255.0])
def test_a_constant_image_has_no_shape(level: float) -> None:
    found = moments(np.full((7, 9), level))
    assert found.mean == pytest.approx(level)
    assert np.isnan(found[2:]).all()


def test_an_empty_mask_gives_nan() -> None:
    assert np.isnan(moments(np.ones((4, 4)), np.zeros((4, 4), bool))).all()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="two axes"):
        moments(np.zeros(5))
    with pytest.raises(ValueError, match="differ in shape"):
        moments(np.zeros((4, 4)), np.ones((4, 5), bool))


def test_fields_are_in_the_figures_order() -> None:
    assert Moments._fields == ("mean", "variance", "skewness", "kurtosis", "hyperskewness")
