"""Spectra of fields whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.statistics.spectrum import Spectrum, exponent, power_spectrum, radial_spectrum

SIDE, MM = 256, 0.2


def synthesised(b: float, rng: np.random.Generator) -> np.ndarray:
    """White noise filtered to power 1/f^b on four times the area, of which one quarter comes back: no period shows."""
    side = 2 * SIDE
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = np.inf
    white = np.fft.fft2(rng.standard_normal((side, side)))
    return np.fft.ifft2(white * frequency ** (-b / 2)).real[:SIDE, :SIDE]


@pytest.mark.parametrize("b", [0.0, 2.0, 3.0])
def test_a_power_law_has_its_exponent(b: float) -> None:
    rng = np.random.default_rng(0)
    spectrum = radial_spectrum([synthesised(b, rng) for _ in range(24)], MM)
    assert exponent(spectrum, 0.1, 1.0) == pytest.approx(b, abs=0.05)


def test_parseval() -> None:
    levels = np.random.default_rng(1).uniform(3, 5, (64, 64))
    hann = np.hanning(65)[:-1]  # periodic
    tapered = (levels - levels.mean()) * hann * hann[:, None]
    expected = np.square(tapered).sum() / np.square(hann * hann[:, None]).sum()
    cell = (1 / (64 * MM)) ** 2
    assert power_spectrum(levels, MM).sum() * cell == pytest.approx(expected, rel=1e-12)


def test_the_integral_of_white_noise_is_its_variance() -> None:
    rng = np.random.default_rng(2)
    power = np.mean([power_spectrum(rng.normal(0, 3, (128, 128)), MM) for _ in range(40)], axis=0)
    assert power.sum() / (128 * MM) ** 2 == pytest.approx(9, rel=0.02)
    assert power.mean() == pytest.approx(9 * MM**2, rel=0.02)  # a flat spectrum: the variance times a pixel's area


@pytest.mark.parametrize("cycles", [8, 30, 77])
def test_a_sinusoid_peaks_at_its_frequency_in_either_direction(cycles: int) -> None:
    wave = np.sin(2 * np.pi * cycles * np.arange(SIDE) / SIDE)
    for window in (np.tile(wave, (SIDE, 1)), np.tile(wave, (SIDE, 1)).T):
        spectrum = radial_spectrum([window], MM)
        assert spectrum.frequency[np.argmax(spectrum.power)] == pytest.approx(cycles / (SIDE * MM), rel=0.02)


def test_gain_scales_power_by_its_square_and_offset_does_nothing() -> None:
    field = synthesised(2.5, np.random.default_rng(3))
    first, second = radial_spectrum([field], MM), radial_spectrum([7 * field + 100], MM)
    np.testing.assert_allclose(second.power, 49 * first.power, rtol=1e-6)
    assert exponent(second, 0.1, 1) == pytest.approx(exponent(first, 0.1, 1), abs=1e-6)


def test_the_same_texture_on_finer_pixels_has_the_same_power() -> None:
    fine = [synthesised(3.0, np.random.default_rng(seed)) for seed in range(8)]
    coarse = [field.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)) for field in fine]
    powers = [np.interp([0.2, 0.4], *radial_spectrum(fields, mm)) for fields, mm in ((fine, MM), (coarse, 2 * MM))]
    np.testing.assert_allclose(powers[0], powers[1], rtol=0.1)


def test_exact_power_law_is_fitted_exactly() -> None:
    frequency = np.linspace(0.02, 2.5, 128)
    assert exponent(Spectrum(frequency, 5 * frequency**-2.8), 0.1, 1.0) == pytest.approx(2.8, abs=1e-9)


def test_what_has_no_spectrum_is_refused() -> None:
    with pytest.raises(ValueError, match="square window"):
        power_spectrum(np.zeros((8, 9)), MM)
    with pytest.raises(ValueError, match="more than 0 mm"):
        power_spectrum(np.zeros((8, 8)), 0)
    with pytest.raises(ValueError, match="at least one"):
        radial_spectrum([], MM)
    with pytest.raises(ValueError, match="one size"):
        radial_spectrum([np.eye(8), np.eye(9)], MM)
    with pytest.raises(ValueError, match="three bins"):
        exponent(Spectrum(np.array([0.5, 0.6]), np.array([2.0, 1.0])), 0.1, 1.0)
