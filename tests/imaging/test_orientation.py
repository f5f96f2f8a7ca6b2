from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.orientation import chest_wall_is_right, mirrored, mirrored_box


def breast(width: int) -> np.ndarray:
    """(90, width) bool, at the left border."""
    y, x = np.mgrid[:90, :width]
    return np.asarray((x / (0.8 * width)) ** 2 + ((y - 40) / 38) ** 2 < 1)


@pytest.mark.parametrize("width", [50, 51])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.float32])
def test_the_chest_wall_is_found_and_put_left(width: int, dtype: type) -> None:
    image: np.ndarray = breast(width).astype(dtype)
    assert not chest_wall_is_right(image)
    turned = mirrored(image)
    assert chest_wall_is_right(turned)
    assert (mirrored(turned, chest_wall_is_right(turned)) == image).all()


def test_what_fills_both_halves_alike_stays() -> None:
    for width in (1, 2, 7):
        assert not chest_wall_is_right(np.ones((5, width)))
        assert not chest_wall_is_right(np.zeros((5, width)))


def test_turning_back_gives_every_bit() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (33, 21), dtype=np.uint16)
    turned = mirrored(image)
    assert turned.flags.c_contiguous
    assert (turned == np.fliplr(image)).all()
    back = mirrored(turned)
    assert back.dtype == image.dtype
    assert (back == image).all()
    assert mirrored(image, False) is image


def test_a_box_goes_with_its_pixels() -> None:
    image = np.zeros((12, 20), dtype=np.uint8)
    image[3:7, 2:9] = 1
    x0, y0, x1, y1 = mirrored_box((2, 3, 9, 7), 20)
    turned = mirrored(image)
    assert turned[y0:y1, x0:x1].all()
    assert turned.sum() == (x1 - x0) * (y1 - y0)
    assert mirrored_box((x0, y0, x1, y1), 20) == (2, 3, 9, 7)
    assert mirrored_box((2, 3, 9, 7), 20, False) == (2, 3, 9, 7)
