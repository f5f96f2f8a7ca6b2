from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.geometry import mask_box
from mammo_gan.imaging.lesion_patches import lesion_patch
from mammo_gan.imaging.mask_framing import MaskFrame
from mammo_gan.imaging.outlines import disk_mask


def ellipse(a: float, b: float, side: int = 400) -> np.ndarray:
    y, x = np.ogrid[:side, :side]
    return np.asarray(((x - side / 2) / a) ** 2 + ((y - side / 2) / b) ** 2 <= 1)


@pytest.mark.parametrize(("a", "b"), [(30, 30), (70, 25), (20, 90)])
def test_a_frame_that_does_not_keep_the_aspect_is_the_patchs_mask(a: float, b: float) -> None:
    mask = ellipse(a, b)
    frame = MaskFrame(size=64, padding=100, keep_aspect=False).of(mask)
    np.testing.assert_array_equal(frame, lesion_patch(mask.astype(np.uint8), mask, padding=100, size=64).mask)
    if a == b:
        np.testing.assert_array_equal(frame, MaskFrame(size=64, padding=100).of(mask))


def test_a_long_lesion_stays_long_in_the_middle_of_its_frame() -> None:
    mask = ellipse(80, 20)
    frame = MaskFrame(size=64, padding=40).of(mask)
    assert frame.mean() == pytest.approx(mask.sum() / (161 + 80) ** 2, rel=0.02)
    box = mask_box(frame)
    assert box is not None
    x0, y0, x1, y1 = box
    assert (x1 - x0) / (y1 - y0) == pytest.approx(4, rel=0.1)
    assert abs(x0 + x1 - 64) <= 1
    assert abs(y0 + y1 - 64) <= 1


def test_a_lesion_at_the_patchs_border_is_framed_like_one_in_its_middle() -> None:
    middle, corner = disk_mask(50, 50, 9, 101, 101), disk_mask(9, 91, 9, 101, 101)
    frame = MaskFrame(size=32)
    np.testing.assert_array_equal(frame.of(middle, 0.2), frame.of(corner, 0.2))


def test_the_padding_is_in_pixels_of_the_full_image() -> None:
    full, half = ellipse(60, 60), ellipse(30, 30)
    shares = MaskFrame(padding=50).of(full).mean(), MaskFrame(padding=50).of(half, scale=0.5).mean()
    assert shares[0] == pytest.approx(shares[1], rel=0.03)


def test_impossible_frames_and_empty_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        MaskFrame().of(np.zeros((9, 9), bool))
    for size, padding in ((2, 100.0), (64, -1.0)):
        with pytest.raises(ValueError, match="3 px or more"):
            MaskFrame(size=size, padding=padding)
