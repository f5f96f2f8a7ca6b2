"""The radial power spectrum of textures, and the exponent by which it falls.

Breast tissue on mammograms has a power of about 1/f^3: A. E. Burgess, F. L. Jacobson and P. F. Judy, "Human observer
detection experiments with mammograms and power-law noise", Medical Physics 28 (2001) 419-437, section II.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BINS_PER_OCTAVE = 4  # of the fit: without bins of equal width in log f, the many high frequencies would decide alone


class Spectrum(NamedTuple):
    """Power over frequency, averaged over directions; `frequency` holds the rings' mean radii.

    frequency: (K,) cycles per mm, rising, without zero
    power:     (K,) grey levels squared times mm squared
    """

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]


def power_spectrum(window: ArrayLike, mm_per_px: float) -> NDArray[np.float64]:
    """Two-dimensional power of a square window: mean removed, Hann window, frequencies in `np.fft.fftfreq`'s order.

    Its sum times the area of a frequency cell, 1 / (S * mm_per_px)^2, is the variance of what the Hann window leaves,
    over the window's own mean square (Parseval): about the variance of the texture.

    Args:
        window: (S, S), S >= 4, grey levels.
        mm_per_px: side of a pixel.

    Returns:
        (S, S) float64, grey levels squared times mm squared.

    Raises:
        ValueError: the window isn't square or too small, or the pixel has no size.
    """
    levels = np.asarray(window, dtype=np.float64)
    if levels.ndim != 2 or levels.shape[0] != levels.shape[1] or levels.shape[0] < 4:
        raise ValueError(f"a spectrum takes a square window of 4 px or more, got shape {levels.shape}")
    if not mm_per_px > 0:
        raise ValueError(f"a pixel's side is more than 0 mm, got {mm_per_px}")
    side = levels.shape[0]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(side) / side)
    taper = hann[:, None] * hann
    tapered = (levels - levels.mean()) * taper
    power = np.abs(np.fft.fft2(tapered)) ** 2 * (mm_per_px**2 / np.square(taper).sum())
    return np.asarray(power, dtype=np.float64)


def radial_spectrum(windows: Iterable[ArrayLike], mm_per_px: float) -> Spectrum:
    """The power of windows of one size, averaged over them and over rings one frequency step wide.

    Rings go up to half the sampling rate; the corners beyond belong to no full ring. The two innermost hold what the
    Hann window spreads out of the mean, so fits should start above 2 / (S * mm_per_px).

    Args:
        windows: each (S, S).
        mm_per_px: side of a pixel, the same in all.

    Raises:
        ValueError: there is no window, or they differ in size.
    """
    total: NDArray[np.float64] | None = None
    count = 0
    for window in windows:
        power = power_spectrum(window, mm_per_px)
        if total is not None and total.shape != power.shape:
            raise ValueError(f"windows of one size are needed, got {total.shape} and {power.shape}")
        total = power if total is None else total + power
        count += 1
    if total is None:
        raise ValueError("a spectrum takes at least one window")
    side = total.shape[0]
    steps = np.fft.fftfreq(side) * side
    radius = np.hypot(steps, steps[:, None])
    ring = np.rint(radius).astype(int)
    inside = (ring > 0) & (ring <= side // 2)
    members = np.bincount(ring[inside])[1:]
    mean_radius = np.bincount(ring[inside], radius[inside])[1:] / members
    mean_power = np.bincount(ring[inside], total[inside])[1:] / members
    return Spectrum(mean_radius / (side * mm_per_px), mean_power / count)


def exponent(spectrum: Spectrum, low: float, high: float) -> float:
    """b of power ~ 1/f^b: minus the slope of log power against log frequency, from `low` to `high` cycles per mm.

    Rings are first averaged in bins a quarter of an octave wide, so that each octave has the same say.

    Raises:
        ValueError: fewer than three bins hold a ring with power.
    """
    chosen = (spectrum.frequency >= low) & (spectrum.frequency <= high) & (spectrum.power > 0)
    frequency, power = np.log(spectrum.frequency[chosen]), np.log(spectrum.power[chosen])
    bins = np.floor((frequency - np.log(low)) / np.log(2) * _BINS_PER_OCTAVE + 1e-9).astype(int)
    _, which = np.unique(bins, return_inverse=True)
    members = np.bincount(which) if which.size else np.zeros(0, dtype=int)
    if members.size < 3:
        raise ValueError(
            f"a slope needs three bins of frequencies with power from {low:g} to {high:g} per mm, found {members.size}"
        )
    x, y = np.bincount(which, frequency) / members, np.bincount(which, power) / members
    x = x - x.mean()
    return -float(x @ y / (x @ x))
