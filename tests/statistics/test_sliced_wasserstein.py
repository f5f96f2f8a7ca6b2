from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from mammo_gan.statistics import sliced_wasserstein as swd
from mammo_gan.statistics.sliced_wasserstein import Descriptors, draw_patches, laplacian_pyramid, level_heights
from tests.statistics.plain_swd import plain_pyramid, plain_swd


def images(count: int, seed: int, blur: float = 2.0, size: tuple[int, int] = (64, 32)) -> np.ndarray:
    """(N, H, W) in [0, 255]: smooth structures and a black border, as a mammogram has."""
    rng = np.random.default_rng(seed)
    grey = ndimage.gaussian_filter(rng.normal(size=(count, *size)), (0, blur, blur))
    grey = np.clip(120 + 30 * grey / grey.std() + 3 * rng.normal(size=grey.shape), 0, 255)
    grey[:, :, -size[1] // 4 :] = 0
    return np.asarray(grey)


def patches(grey: np.ndarray, seed: int) -> list[swd.Patches]:
    return [draw_patches(grey, np.random.default_rng(seed))]


def distance(first: Any, second: Any, seed: int = 9) -> np.ndarray:
    return swd.sliced_wasserstein(first, second, np.random.default_rng(seed))


@pytest.mark.parametrize(("blur", "size"), [(2.0, (64, 32)), (1.0, (32, 40))])
def test_one_channel_gives_the_number_of_three(blur: float, size: tuple[int, int]) -> None:
    first, second = images(20, 0, size=size), images(20, 1, blur, size)
    found = distance(patches(first, 2), patches(second, 3))
    expected = plain_swd(first, second, *(np.random.default_rng(seed) for seed in (2, 3, 9)))
    assert found == pytest.approx(expected, rel=2e-4)


def test_the_pyramid_is_that_of_plain_convolutions() -> None:
    grey = images(1, 0, size=(128, 96))
    for found, expected in zip(laplacian_pyramid(grey[0], 4), plain_pyramid(grey[:, None]), strict=True):
        np.testing.assert_allclose(found, expected[0, 0], atol=1e-4)


def test_a_level_is_the_mean_distance_of_projections() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.gamma(shape, size=(3, 2, swd.PATCHES, 49)).astype(np.float16) for shape in (1.0, 4.0))
    again = np.random.default_rng(9)
    for level, found in enumerate(distance([first], [second])):
        directions = np.concatenate([_unit(again.standard_normal((147, 128))) for _ in range(4)], axis=1)
        rows = (np.tile(part[:, level].reshape(-1, 49).astype(float), 3) for part in (first, second))
        ours, theirs = (((part - part.mean()) / part.std()) @ directions for part in rows)
        expected = [stats.wasserstein_distance(a, b) for a, b in zip(ours.T, theirs.T, strict=True)]
        assert found == pytest.approx(1000 * np.mean(expected), rel=2e-4)


def _unit(columns: np.ndarray) -> np.ndarray:
    return np.asarray(columns / np.linalg.norm(columns, axis=0))


@pytest.mark.parametrize(
    ("size", "heights"),
    [
        ((1280, 1024), (1280, 640, 320, 160, 80, 40, 20)),
        ((128, 128), (128, 64, 32, 16)),
        ((20, 16), (20,)),
        ((31, 7), (31,)),
        ((50, 40), (50, 25)),
    ],
)
def test_the_height_is_halved_while_it_is_16_or_more(size: tuple[int, int], heights: tuple[int, ...]) -> None:
    assert level_heights(*size) == heights


@pytest.mark.parametrize("size", [(15, 64), (0, 0), (66, 64), (64, 66), (64, 24), (16, 6), (90, 90)])
def test_a_size_without_a_whole_pyramid_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"got {size[0]}x{size[1]}"):
        level_heights(*size)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=4), st.integers(0, 2**16))
def test_groups_of_images_make_no_difference(cuts: list[int], seed: int) -> None:
    grey = images(6, 0, size=(16, 8))
    whole, grouped = (Descriptors(np.random.default_rng(seed)) for _ in range(2))
    whole.add(grey)
    for part in np.split(grey, sorted(cuts)):
        grouped.add(part)
    assert len(grouped) == 6
    np.testing.assert_array_equal(np.concatenate(grouped.parts), whole.parts[0])
    other = patches(images(6, 1, size=(16, 8)), seed)
    np.testing.assert_array_equal(distance(grouped.parts, other), distance(whole.parts, other))


def test_patches_lie_anywhere_in_their_own_image() -> None:
    grey = np.arange(2 * 20 * 9).reshape(2, 20, 9) / 2  # one level: the image itself
    drawn = draw_patches(grey, np.random.default_rng(0)).astype(float)
    corners = set()
    for image, found in zip(grey, drawn[:, 0], strict=True):
        for patch in found:
            y, x = (int(place[0]) for place in np.nonzero(image == patch[0]))
            np.testing.assert_array_equal(patch.reshape(7, 7), image[y : y + 7, x : x + 7])
            corners.add((y, x))
    assert corners == {(y, x) for y in range(14) for x in range(3)}


@settings(max_examples=5, deadline=None)
@given(st.floats(0.3, 1.0), st.floats(0.0, 60.0), st.integers(0, 100))
def test_properties(gain: float, offset: float, seed: int) -> None:
    first, second = images(4, seed, size=(32, 16)), images(4, seed + 1, 1.0, (32, 16))
    ours, theirs = patches(first, 0), patches(second, 1)
    np.testing.assert_array_equal(distance(ours, ours), 0)
    np.testing.assert_allclose(distance(ours, theirs), distance(theirs, ours), rtol=1e-5)
    assert (distance(ours, theirs) > 10).all()
    # What all images of a set share in brightness and contrast is taken out by its standardisation.
    changed = patches(gain * first + offset * (1 - gain), 0)
    assert (distance(ours, changed) < 1).all()


def test_blocks_of_directions_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = patches(images(3, 0), 0), patches(images(3, 1), 1)
    whole = distance(ours, theirs)
    monkeypatch.setattr(swd, "LEAST_DIRECTIONS", 5)
    monkeypatch.setattr(swd, "BLOCK_VALUES", 1000)
    np.testing.assert_allclose(distance(ours, theirs), whole, rtol=1e-6)


def test_a_finer_texture_shows_at_fine_levels_and_more_images_lower_the_floor() -> None:
    real, other = images(48, 0), images(48, 1)
    rng = np.random.default_rng(2)
    noisy = np.clip(other + 8 * rng.normal(size=other.shape), 0, 255)
    floor = distance(patches(real, 0), patches(other, 1))
    above = distance(patches(real, 0), patches(noisy, 1)) / floor
    assert above[0] > 2
    assert above[-1] < 2
    assert (distance(patches(real[:8], 0), patches(other[:8], 1)) > 1.3 * floor).all()


def test_a_set_of_one_value_has_no_distance() -> None:
    flat = [np.zeros((2, 1, swd.PATCHES, 49), np.float16)]
    assert np.isnan(distance(flat, patches(images(2, 0, size=(16, 16)), 0))).all()


def test_what_can_not_be_compared_is_refused() -> None:
    ours = patches(images(3, 0, size=(16, 16)), 0)
    with pytest.raises(ValueError, match="got 3 and 2 images"):
        distance(ours, [ours[0][:2]])
    with pytest.raises(ValueError, match="got 0 and 0 images"):
        distance([], [])
    with pytest.raises(ValueError, match=r"\(1, 128, 49\), \(2, 128, 49\)"):
        distance(ours, patches(images(3, 0, size=(32, 16)), 0))
    with pytest.raises(ValueError, match="got \\(16, 16\\)"):
        draw_patches(np.zeros((16, 16)), np.random.default_rng(0))
    for value in (np.nan, 1e6):
        with pytest.raises(ValueError, match="aren't finite, or far outside"):
            draw_patches(np.full((1, 16, 16), value), np.random.default_rng(0))
