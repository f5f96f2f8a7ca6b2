from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.statistics.checkerboard import Checkerboard, checkerboard

DATA = Path(__file__).parents[3] / "shared" / "data"
SIZE, IMAGES = 64, 60


def white(seed: int = 0, images: int = IMAGES) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(100, 10, (images, SIZE, SIZE))


def falling(exponent: float, seed: int = 0) -> NDArray[np.float64]:
    """Textures whose power falls with the frequency's power `exponent`; a cut-out, so that borders don't join."""
    side = 2 * SIZE
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(np.random.default_rng(seed).normal(size=(IMAGES, side, side)))
    return np.asarray(np.fft.ifft2(spectrum / frequency ** (exponent / 2)).real[:, :SIZE, :SIZE])


def board(period: int) -> NDArray[np.float64]:
    """1 and -1 in squares of half a period."""
    cell = np.arange(SIZE) // (period // 2) % 2
    return np.where(cell[:, None] ^ cell, -1.0, 1.0)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_white_noise_and_textures_have_none(period: int) -> None:
    for images in (white(), falling(1), falling(2), falling(3)):
        found = checkerboard(images, period)
        assert 0.85 < found.ratio < 1.1
        assert abs(found.share) < 5e-3


@pytest.mark.parametrize("background", [white(), 0.7 * falling(3)], ids=["white", "texture"])
@pytest.mark.parametrize("period", [2, 4])
def test_a_planted_board_is_measured_in_proportion(period: int, background: NDArray[np.float64]) -> None:
    without = checkerboard(background, period)
    found = [checkerboard(background + amplitude * board(period), period) for amplitude in (1.0, 2.0, 4.0)]
    added = [one.energy - without.energy for one in found]
    assert added == pytest.approx([1, 4, 16], rel=0.15)  # the board's mean square
    assert without.ratio < found[0].ratio < found[1].ratio < found[2].ratio
    assert found[2].ratio > 2


def test_the_share_is_of_the_variance() -> None:
    found = checkerboard(white() + 4 * board(2), 2)
    assert found.share == pytest.approx(16 / (100 + 16), rel=0.1)


@pytest.mark.parametrize(("planted", "looked_for"), [(2, 4), (4, 2), (2, 8), (8, 2), (4, 8)])
def test_a_period_is_not_taken_for_another(planted: int, looked_for: int) -> None:
    background = white()
    before, after = (checkerboard(images, looked_for) for images in (background, background + 4 * board(planted)))
    assert after.energy == pytest.approx(before.energy, abs=0.05 * 16)


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_along_an_axis_count(axis: int) -> None:
    stripes = np.expand_dims(np.where(np.arange(SIZE) % 2, 3.0, -3.0), axis)
    assert checkerboard(white() + stripes, 2).energy == pytest.approx(9, rel=0.1)


def test_a_lattice_of_a_strided_convolution_is_found_at_its_period() -> None:
    """What a transposed convolution does to a smooth map: every other pixel gets another share, on both axes."""
    even = np.where(np.arange(SIZE) % 2, 0.9, 1.1)
    uneven = falling(3) * 10 * even[:, None] * even
    assert checkerboard(uneven, 2).ratio > 5 * checkerboard(uneven, 4).ratio


def test_grey_level_and_number_type_do_not_matter() -> None:
    images = np.clip(white() + 3 * board(2), 0, 255).astype(np.uint8)
    one, other = checkerboard(images, 2), checkerboard(images.astype(np.float64) + 50, 2)
    np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(checkerboard(images[0], 2), checkerboard(images[:1], 2))


def test_constant_images_have_no_ratio() -> None:
    assert np.isnan(checkerboard(np.full((2, SIZE, SIZE), 7.0), 2).ratio)


@pytest.mark.parametrize(
    ("shape", "period"), [((1, 64, 64), 3), ((1, 64, 64), 16), ((1, 62, 62), 4), ((0, 64, 64), 2), ((64,), 2)]
)
def test_what_cannot_be_measured_is_refused(shape: tuple[int, ...], period: int) -> None:
    with pytest.raises(ValueError, match="period"):
        checkerboard(np.zeros(shape), period)


@cache
def measured(folder: str, period: int) -> Checkerboard:
    files = sorted((DATA / folder).rglob("*.png"))
    if not files:
        pytest.skip(f"no patches in {DATA / folder}")
    return checkerboard(
        np.stack([np.asarray(Image.open(file)) for file in files[:: max(1, len(files) // 300)]]), period
    )


@pytest.mark.parametrize("period", [2, 4, 8])
def test_real_patches_have_hardly_any_and_published_synthetic_ones_have(period: int) -> None:
    real, synthetic = measured("cbis_mass_patches", period), measured("published_synthetic_masses", period)
    assert real.ratio < 1.6
    assert synthetic.ratio > 6
    assert abs(real.share) < 1e-4 < 1e-3 < synthetic.share
