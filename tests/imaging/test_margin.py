"""The margin of discs, boxes and arbitrary masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammo_gan.imaging.margin import SCALE, SCALES, margin


def disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    """(256, 256) bool; `centre` is xy, 128 the patch's middle."""
    y, x = np.mgrid[:256, :256] + 0.5
    return np.asarray((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("centre", [(128.0, 128.0), (90.5, 150.0)])
def test_a_discs_margin_is_a_ring(scale: float, centre: tuple[float, float]) -> None:
    mask = disc(centre, 60)
    ring = disc(centre, 60 * scale) & ~mask
    found = margin(mask, scale)
    assert (found ^ ring).sum() < 0.4 * 2 * np.pi * 60 * scale  # less than half a pixel off along the outer rim
    assert found.sum() == pytest.approx(np.pi * 60**2 * (scale**2 - 1), rel=0.05)


def test_a_boxs_margin_is_a_frame_of_counted_pixels() -> None:
    mask = np.zeros((256, 256), dtype=bool)
    mask[96:160, 64:192] = True  # 64 x 128; times 296/256: 74 x 148
    expected = np.zeros_like(mask)
    expected[91:165, 54:202] = True
    assert (margin(mask, SCALE) == (expected & ~mask)).all()


def test_a_centred_mask_has_the_margin_of_the_enlarged_patch() -> None:
    """The paper's words: resize the patch to 296, lay its middle 256 over the old one, subtract."""
    mask = disc((128, 128), 50) | disc((108, 148), 40) | disc((148, 108), 40)  # symmetrical, so centred
    large = cv2.resize(mask.astype(np.uint8), (296, 296), interpolation=cv2.INTER_NEAREST_EXACT)[20:276, 20:276]
    assert ((large > 0) & ~mask ^ margin(mask, 296 / 256)).sum() < 0.02 * margin(mask).sum()


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))), st.floats(1.0, 3.0))
def test_margin_and_mask_share_no_pixel(mask: np.ndarray, scale: float) -> None:
    found = margin(mask, scale)
    assert found.shape == mask.shape
    assert found.dtype == bool
    assert not (found & mask).any()


def test_no_mask_has_no_margin_and_nor_has_a_scale_of_one() -> None:
    assert not margin(np.zeros((9, 9), dtype=bool)).any()
    assert not margin(disc((100, 100), 40), 1.0).any()
    assert margin(np.ones((9, 9), dtype=bool)).sum() == 0  # all of it lies beyond the patch
    with pytest.raises(ValueError, match="enlarges"):
        margin(np.ones((9, 9), dtype=bool), 0.9)
