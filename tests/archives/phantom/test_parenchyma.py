from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.archives.phantom.breast import draw_breast, muscle_depth, skin_depth
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.parenchyma import BETA, DENSE_SHARE, dense_share, glandular_share, power_law_field
from mammo_gan.archives.records import View
from mammo_gan.imaging.density import LIMITS

GRID = Grid(240, 131)


def measured_exponent(field: np.ndarray, mm_per_px: float) -> float:
    """Exponent of the radially averaged periodogram under a Hann window, between 0.05 and 0.4 of the sampling rate."""
    side = min(field.shape)
    window = np.hanning(side)
    square = field[:side, :side] - field[:side, :side].mean()
    power = np.abs(np.fft.fft2(square * window * window[:, None])) ** 2
    frequency = np.fft.fftfreq(side, mm_per_px)
    radius = np.hypot(frequency, frequency[:, None])
    edges = np.geomspace(0.05, 0.4, 12) / mm_per_px
    bins = np.digitize(radius, edges)
    middle = [radius[bins == k].mean() for k in range(1, len(edges))]
    mean = [power[bins == k].mean() for k in range(1, len(edges))]
    return -float(np.polyfit(np.log(middle), np.log(mean), 1)[0])


@pytest.mark.parametrize("beta", [2.0, BETA, 3.6])
@pytest.mark.parametrize("mm_per_px", [0.175, 0.7])
def test_the_spectrum_falls_as_asked(beta: float, mm_per_px: float) -> None:
    rng = np.random.default_rng(1)
    measured = [measured_exponent(power_law_field(256, 200, mm_per_px, beta, rng), mm_per_px) for _ in range(3)]
    assert np.mean(measured) == pytest.approx(beta, abs=0.3)


def test_fields_have_variance_one_whatever_the_resolution() -> None:
    rng = np.random.default_rng(0)
    for height in (60, 240):
        fields = [power_law_field(height, height, 240 / height, BETA, rng) for _ in range(60)]
        assert np.mean(np.square(fields)) == pytest.approx(1, abs=0.15)


def test_opposite_edges_do_not_continue_each_other() -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([power_law_field(200, 120, 1.0, BETA, rng) for _ in range(20)])
    neighbours = np.square(fields[:, 1] - fields[:, 0]).mean()
    assert np.square(fields[:, 0] - fields[:, -1]).mean() > 8 * neighbours
    assert np.square(fields[:, :, 0] - fields[:, :, -1]).mean() > 8 * neighbours


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_gland_grows_with_density_and_stays_within_the_breast(view: View) -> None:
    form = draw_breast(view, 90.0, 50.0, GRID.width_mm, np.random.default_rng(0))
    depth, muscle = skin_depth(form, GRID), muscle_depth(form, GRID)
    asked = [dense_share(density, 0.5) for density in DENSE_SHARE]
    shares = [glandular_share(form, dense, depth, muscle, GRID, np.random.default_rng(1)) for dense in asked]
    for share in shares:
        assert share.min() >= 0
        assert share.max() <= 1
        assert not share[depth <= 0].any()
    means = [share[depth > 0].mean() for share in shares]
    assert means == sorted(means)
    assert means[3] > 2 * means[0]


@pytest.mark.parametrize("dense", [0.05, 0.2, 0.4, 0.6])
def test_so_much_of_the_area_is_dense_as_was_asked(dense: float) -> None:
    form = draw_breast("CC", 90.0, 50.0, GRID.width_mm, np.random.default_rng(0))
    depth = skin_depth(form, GRID)
    shares = [glandular_share(form, dense, depth, None, GRID, np.random.default_rng(seed)) for seed in range(5)]
    assert np.mean([(share > 0.34)[depth > 0].mean() for share in shares]) == pytest.approx(dense, abs=0.06)


def test_densities_stand_within_the_limits_by_which_they_are_measured() -> None:
    ends = [0.0, *LIMITS, 1.0]
    for (least, largest), low, high in zip(DENSE_SHARE.values(), ends, ends[1:], strict=False):
        assert low < least < largest < high


def test_gland_gathers_behind_the_nipple_and_leaves_the_rim_to_fat() -> None:
    form = draw_breast("CC", 90.0, 50.0, GRID.width_mm, np.random.default_rng(0))
    depth = skin_depth(form, GRID)
    shares = [
        glandular_share(form, dense_share("C", 0.5), depth, None, GRID, np.random.default_rng(seed))
        for seed in range(6)
    ]
    share = np.mean(shares, axis=0)
    behind_nipple = np.hypot(GRID.x - 0.55 * form.reach, GRID.y - form.nipple_y) < 15
    rim = (depth > 0) & (depth < 6)
    assert share[behind_nipple].mean() > 5 * share[rim].mean()
