"""Stretching, against scikit-image and exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from skimage.exposure import rescale_intensity

from mammo_gan.imaging.intensity import blackened, stretched


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_equals_scikit_images_to_the_rounding(dtype: type) -> None:
    image: np.ndarray = (np.random.default_rng(0).random((50, 40)) * 200 + 17).astype(dtype)
    for bits in (8, 16):
        found = stretched(image, 8) if bits == 8 else stretched(image, 16)
        expected = rescale_intensity(image.astype(np.float64), out_range=(0, 2**bits - 1))  # type: ignore[no-untyped-call]
        assert found.dtype == (np.uint8 if bits == 8 else np.uint16)
        assert np.abs(found - expected).max() <= 0.5 + 1e-6
        assert (found.min(), found.max()) == (0, 2**bits - 1)


def test_each_grey_value_is_the_nearest_to_the_exact_one() -> None:
    image = np.arange(120, 4000, dtype=np.uint16).reshape(-1, 20)
    for value, found in zip(image.ravel().tolist(), stretched(image).ravel().tolist(), strict=True):
        assert abs(Fraction(255 * (value - 120), 3999 - 120) - found) <= Fraction(1, 2)


def test_sixteen_bits_keep_all_differences() -> None:
    image = np.random.default_rng(0).permutation(np.arange(100, 4196, dtype=np.uint16)).reshape(64, 64)  # 12 bits
    found = stretched(image, 16)
    assert len(np.unique(found)) == 4096
    assert (np.argsort(found.ravel()) == np.argsort(image.ravel())).all()


def test_a_full_range_stays_as_it_is() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (stretched(image) == image).all()
    wide = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert (stretched(wide, 16) == wide).all()


def test_one_grey_value_becomes_black_and_no_number_is_refused() -> None:
    assert not stretched(np.full((3, 3), 900, dtype=np.uint16)).any()
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            stretched(np.array([[0.0, value]]))


def test_what_lies_beside_the_breast_becomes_black() -> None:
    image = np.random.default_rng(0).integers(1, 65536, (20, 30), dtype=np.uint16)
    kept = image.copy()
    breast = np.zeros(image.shape, dtype=bool)
    breast[5:15, :12] = True
    found = blackened(image, breast)
    assert found.dtype == np.uint16
    assert (found[breast] == image[breast]).all()
    assert not found[~breast].any()
    assert (image == kept).all()
    with pytest.raises(ValueError, match=r"\(20, 30\), got \(30, 20\)"):
        blackened(image, breast.T)
