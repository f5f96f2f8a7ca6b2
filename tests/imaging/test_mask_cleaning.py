from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mammo_gan.imaging.mask_cleaning import clean_mask
from mammo_gan.imaging.outlines import disk_mask, mask_to_chain

SIDE = 64


def with_noise(mask: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Salt and pepper: that share of the pixels white or black, whatever they were."""
    rng = np.random.default_rng(seed)
    noisy = rng.random(mask.shape) < share
    return np.where(noisy, rng.random(mask.shape) < 0.5, mask).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(7, 40), st.integers(7, 40), st.floats(0, 4), st.floats(0, 0.3))
def test_one_part_without_holes_off_the_frame_or_nothing(
    seed: int, height: int, width: int, blur: float, smallest: float
) -> None:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), blur)
    grey = ((field - field.min()) / np.ptp(field)).astype(np.float32)
    mask = clean_mask(grey, smallest)
    if mask is None:
        return
    assert mask.shape == grey.shape
    assert mask.dtype == np.bool_
    assert mask.mean() >= smallest
    assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any())
    mask_to_chain(mask)  # refuses several parts, and holes


@pytest.mark.parametrize("radius", [10, 16, 24])
@pytest.mark.parametrize("share", [0.1, 0.2])
def test_noise_on_a_disc_leaves_the_disc(radius: int, share: float) -> None:
    disc = disk_mask(30.3, 33.1, radius, SIDE, SIDE)
    for seed in range(5):
        cleaned = clean_mask(with_noise(disc, share, seed))
        assert cleaned is not None
        assert cleaned.sum() == pytest.approx(disc.sum(), rel=0.05)
        assert (cleaned & disc).sum() > 0.93 * (cleaned | disc).sum()


def test_a_clean_disc_and_its_grey_edge_stay_as_they_are() -> None:
    disc = disk_mask(32, 32, 15, SIDE, SIDE)
    again = clean_mask(np.clip(0.3 * disc + 0.35, 0, 1))
    assert again is not None
    assert (again ^ disc).sum() <= 8  # where the circle's pixels jut out one by one


def test_the_largest_part_stays_and_its_holes_are_filled() -> None:
    large, small = disk_mask(24, 24, 14, SIDE, SIDE), disk_mask(54, 54, 6, SIDE, SIDE)
    hole = disk_mask(24, 24, 7, SIDE, SIDE)
    found = clean_mask(((large & ~hole) | small).astype(np.float64))
    assert found is not None
    assert found[24, 24]
    assert not (found & small).any()
    assert found.sum() == pytest.approx(large.sum(), rel=0.02)


def test_a_lesion_at_the_frame_is_drawn_in_and_one_that_goes_on_beyond_it_is_refused() -> None:
    touching, halved = disk_mask(14, 32, 15, SIDE, SIDE), disk_mask(0, 32, 15, SIDE, SIDE)
    found = clean_mask(touching.astype(np.float32))
    assert touching[:, 0].any()
    assert found is not None
    assert not found[:, 0].any()
    assert found.sum() > 0.95 * touching.sum()
    assert clean_mask(halved.astype(np.float32)) is None
    assert clean_mask(halved.astype(np.float32), most_cut=0.6) is not None


@pytest.mark.parametrize("grey", [np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE)), np.ones((1, 1)), np.ones((2, 9))])
def test_a_frame_without_a_lesion_or_all_lesion_gives_nothing(grey: np.ndarray) -> None:
    assert clean_mask(grey) is None


def test_specks_are_too_small() -> None:
    speck = disk_mask(32, 32, 2, SIDE, SIDE).astype(np.float32)
    assert clean_mask(speck) is None
    assert clean_mask(speck, smallest=0.001) is not None


@pytest.mark.parametrize(
    "grey", [np.zeros((1, 8, 8)), np.full((8, 8), 1.5), np.full((8, 8), np.nan), np.full((8, 8), -1.0), np.ones((0, 8))]
)
def test_what_is_no_grey_mask_is_refused(grey: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a grey mask is"):
        clean_mask(grey)
