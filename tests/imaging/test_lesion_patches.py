"""Patches around lesions, against pixels counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.lesion_patches import box_between, box_patch, lesion_patch, padded_window

IMAGE = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)


@pytest.mark.parametrize("corners", [(5, 7, 9, 8), (9, 7, 5, 8), (5, 8, 9, 7)])
def test_both_corners_are_pixels_of_the_box(corners: tuple[int, int, int, int]) -> None:
    patch = box_patch(IMAGE, box_between(*corners))
    assert patch.shape == (2, 5)
    assert patch.tolist() == [[7 * 30 + x for x in range(5, 10)], [8 * 30 + x for x in range(5, 10)]]


def test_a_lesion_of_one_pixel_has_one() -> None:
    assert box_patch(IMAGE, box_between(3, 4, 3, 4)).tolist() == [[4 * 30 + 3]]


def test_a_patch_is_no_view_of_the_image() -> None:
    image = IMAGE.copy()
    box_patch(image, (0, 0, 3, 3))[:] = 0
    assert (image == IMAGE).all()


def test_windows_end_with_the_image() -> None:
    assert padded_window((10, 12, 15, 20), (40, 30), 4) == (6, 8, 19, 24)
    assert padded_window((10, 12, 15, 20), (40, 30), 100) == (0, 0, 30, 40)
    assert padded_window((-3, 30, 5, 60), (40, 30), 2) == (0, 28, 7, 40)
    assert box_patch(IMAGE, (-3, 38, 2, 50)).tolist() == [[1140, 1141], [1170, 1171]]


@pytest.mark.parametrize("box", [(30, 0, 35, 5), (-5, 0, 0, 5), (0, 40, 5, 45), (4, 4, 4, 8)])
def test_a_box_beside_the_image_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no pixel on an image of 40 x 30"):
        padded_window(box, (40, 30), 100)


def test_the_lesion_and_its_mask_are_scaled_alike() -> None:
    """A lesion of 60 x 40 px in the middle of 100 px of context on each side fills its share of 256 px."""
    image, mask = np.zeros((700, 600), dtype=np.uint16), np.zeros((700, 600), dtype=bool)
    mask[300:360, 200:240] = True
    image[mask] = 60000
    patch = lesion_patch(image, mask)
    assert patch.window == (100, 200, 340, 460)
    assert patch.image.shape == patch.mask.shape == (256, 256)
    assert patch.image.dtype == np.uint16
    assert patch.mask.mean() == pytest.approx(60 * 40 / (260 * 240), rel=0.02)
    rows, columns = np.flatnonzero(patch.mask.any(axis=1)), np.flatnonzero(patch.mask.any(axis=0))
    assert (rows[0], rows[-1] + 1) == pytest.approx((100 / 260 * 256, 160 / 260 * 256), abs=1)
    assert (columns[0], columns[-1] + 1) == pytest.approx((100 / 240 * 256, 140 / 240 * 256), abs=1)
    # Away from the edges, where pixels are mixed, what is bright is lesion and what is black is not.
    assert patch.mask[patch.image == 60000].all()
    assert not patch.mask[patch.image == 0].any()


def test_without_a_lesion_there_is_no_patch() -> None:
    with pytest.raises(ValueError, match="empty"):
        lesion_patch(IMAGE, np.zeros((40, 30), dtype=bool))
    with pytest.raises(ValueError, match=r"\(40, 30\), got \(30, 40\)"):
        lesion_patch(IMAGE, np.ones((30, 40), dtype=bool))
