"""Windows, textures of drawn films, and the comparison of two sets of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammo_gan.errors import UserError
from mammo_gan.evaluation.archive_comparison import common_band, exponent_difference, mean_spectrum, slope, summarise
from mammo_gan.evaluation.texture import LEVELS, FilmTexture, TextureRecipe, as_shares, film_texture, windows
from mammo_gan.statistics.moments import moments

RECIPE = TextureRecipe(window_mm=51.2, most_windows=8, low=0.1, high=1.0)
BAND = (0.1, 1.0)


def breast(b: float, seed: int, mm_per_px: float = 0.4) -> np.ndarray:
    """(H, W) in [0, 1]: half a disk of 90 mm with a texture of power 1/f^b on black film."""
    height, width = round(220 / mm_per_px), round(110 / mm_per_px)
    side = 2 * height
    frequency = np.hypot(np.fft.fftfreq(side, mm_per_px)[:, None], np.fft.fftfreq(side, mm_per_px))
    frequency[0, 0] = np.inf
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    texture = np.fft.ifft2(white * frequency ** (-b / 2)).real[:height, :width]
    y, x = np.mgrid[:height, :width] * mm_per_px
    inside = np.hypot(x, y - 110) < 90
    return np.where(inside, np.clip(0.5 + 0.04 * texture / texture.std(), 0.3, 0.9), 0.02)


def film(b: float, seed: int, patient: str | None = None, mm_per_px: float = 0.4) -> FilmTexture:
    found = film_texture(breast(b, seed, mm_per_px), "CC", mm_per_px, patient or str(seed), RECIPE)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def sets() -> tuple[list[FilmTexture], list[FilmTexture]]:
    return [film(3.0, seed) for seed in range(8)], [film(2.4, seed) for seed in range(8)]


def test_windows_lie_wholly_within_and_overlap_by_half_at_most() -> None:
    y, x = np.mgrid[:200, :150]
    tissue = np.hypot(x, y - 100) < 95
    found = windows(tissue, 40, 50)
    assert len(found) > 8
    for row, column in found:
        assert tissue[row : row + 40, column : column + 40].all()
    for i, (row, column) in enumerate(found):
        for other_row, other_column in found[:i]:
            assert max(abs(row - other_row), abs(column - other_column)) >= 20
    assert windows(tissue, 40, 3) == found[:3]
    assert windows(tissue, 160, 3) == []
    assert windows(tissue, 201, 3) == []


@pytest.mark.parametrize("mm_per_px", [0.25, 0.4])
def test_a_films_exponent_is_that_of_its_texture(mm_per_px: float) -> None:
    films = [film(3.0, seed, mm_per_px=mm_per_px) for seed in range(6)]
    assert slope(films, RECIPE.window_mm, BAND) == pytest.approx(3.0, abs=0.15)


def test_moments_and_grey_levels_are_those_within_the_breast() -> None:
    found = film(3.0, 1)
    image = breast(3.0, 1)
    inner = moments(image, image > 0.2)
    assert float(found.moments.mean) == pytest.approx(float(inner.mean), abs=0.01)
    assert found.histogram[int(0.02 * LEVELS)] < 0.02 * found.histogram.sum()


def test_without_a_pixels_size_there_is_no_spectrum_but_grey() -> None:
    found = film_texture(breast(3.0, 1), "CC", None, "p", RECIPE)
    assert found is not None
    assert (found.power, found.density, found.windows) == (None, None, 0)
    assert found.histogram.sum() > 0
    assert film_texture(np.zeros((50, 40)), "CC", 0.4, "p", RECIPE) is None


def test_difference_of_exponents_has_its_interval(sets: tuple[list[FilmTexture], list[FilmTexture]]) -> None:
    rng = np.random.default_rng(0)
    found = exponent_difference(*sets, RECIPE.window_mm, BAND, 200, rng)
    assert found is not None
    assert found.interval is not None
    assert found.value == pytest.approx(0.6, abs=0.2)
    assert found.interval[0] < found.value < found.interval[1]
    assert found.interval[0] > 0.2
    same = exponent_difference(sets[0], sets[0], RECIPE.window_mm, BAND, 200, rng)
    assert same is not None
    assert same.value == 0
    assert same.interval is not None
    assert same.interval[0] < 0 < same.interval[1]


def test_an_archives_values_are_means_over_films(sets: tuple[list[FilmTexture], list[FilmTexture]]) -> None:
    found = summarise(sets[0], RECIPE.window_mm, BAND, 100, np.random.default_rng(0))
    assert (found.images, found.patients) == (8, 8)
    assert found.windows == sum(film.windows for film in sets[0])
    assert found.values["mean"].value == pytest.approx(np.mean([film.moments.mean for film in sets[0]]))
    assert found.values["exponent"].value == pytest.approx(slope(sets[0], RECIPE.window_mm, BAND))
    assert found.histogram.mean() == pytest.approx(1)
    assert sum(found.categories.values()) == pytest.approx(1)
    one = summarise(
        [replace(film, patient="p") for film in sets[0]], RECIPE.window_mm, BAND, 100, np.random.default_rng(0)
    )
    assert one.patients == 1
    assert all(measured.interval is None for measured in one.values.values())


def test_films_weigh_by_their_windows_and_share_the_coarsest_ones_frequencies() -> None:
    fine, coarse = film(3.0, 1, mm_per_px=0.25), film(3.0, 2, mm_per_px=0.5)
    assert fine.power is not None
    assert coarse.power is not None
    common = len(coarse.power)
    spectrum = mean_spectrum([fine, coarse], RECIPE.window_mm)
    expected = (fine.windows * fine.power[:common] + coarse.windows * coarse.power) / (fine.windows + coarse.windows)
    np.testing.assert_allclose(spectrum.power, expected)
    low, high = common_band([[fine], [coarse]], RECIPE)
    assert (low, high) == pytest.approx((0.1, 0.8))
    assert common_band([[fine], []], RECIPE) == (0.1, 1.0)


def test_shares_of_white() -> None:
    assert as_shares(np.array([[0, 255]], dtype=np.uint8)).tolist() == [[0.0, 1.0]]
    assert as_shares(np.array([[0, 65535]], dtype=np.uint16)).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("wrong", [{"low": 0.01}, {"high": 0.05}, {"window_mm": 0.0}, {"most_windows": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    settings = {"window_mm": 51.2, "most_windows": 8, "low": 0.1, "high": 1.0} | wrong
    with pytest.raises(UserError, match="compare: expected"):
        TextureRecipe(**settings)  # type: ignore[arg-type]
