"""The checkerboard that transposed convolutions leave, measured in the power spectrum.

A transposed convolution of stride 2 adds its kernel up unevenly: even and odd pixels of each axis get different shares
(Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts", Distill 2016; alyafi2019_dcgan, section 4.3.1).
In the image that is a pattern that repeats every 2 px, or every 4 or 8 where one or two such layers follow; in the
spectrum it is power at the multiples of 1/2, 1/4 or 1/8 cycles per px on either axis, at their combinations, and
nowhere else.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo_gan.statistics.spectrum import power_spectrum

LOBE = 1  # bins about a frequency that the Hann window spreads a wave over
RING = 3  # bins about it up to which its neighbours lie


class Checkerboard(NamedTuple):
    """A pattern of one period.

    ratio:  power at its frequencies over that of their neighbours, the mean over the frequencies; 1 = no pattern
    energy: mean square of the pattern, in squared grey levels of the images: what is above the neighbours
    share:  that energy over the images' variance; a little below 0 is possible where there is none
    """

    ratio: float
    energy: float
    share: float


def checkerboard(images: NDArray[np.generic], period: int) -> Checkerboard:
    """How strong a pattern of `period` px is, and of no shorter period.

    P is the images' power spectrum (mean removed, Hann window, so that the borders add nothing), averaged over them. A
    wave lies in the 3x3 bins about its frequency f; its neighbours N(f) are the other bins of the 7x7. Then, over the
    frequencies f of the period,

        ratio  = mean of [mean of P in 3x3] / [mean of P in N(f)]
        energy = sum of ([sum of P in 3x3] - 9 [mean of P in N(f)]) x (a bin's area)
        share  = energy / variance

    White noise has a flat spectrum, and textures a falling one: a ratio of 1, or a little less where the spectrum is
    curved about f (0.96 for 1/f^3 at 128 px). A pattern of amplitude a adds energy in proportion to a**2.

    Args:
        images: (N, S, S) or (S, S) of any number type.
        period: 2, 4, 8 ... px: of the last, the last but one ... transposed convolution.

    Raises:
        ValueError: the period is no power of 2, or the images' side is no multiple of it with at least 5 bins between
            two frequencies.
    """
    stack = images[None] if images.ndim == 2 else images
    side = stack.shape[-1]
    if period < 2 or period & (period - 1):
        raise ValueError(f"a period is 2, 4, 8 ... px, not {period}")
    if stack.ndim != 3 or not len(stack) or side % period or side // period <= LOBE + RING:
        raise ValueError(
            f"a period of {period} px needs square images whose side is a multiple of it, at least {5 * period} px; "
            f"got shape {images.shape}"
        )
    power = np.mean([power_spectrum(image, 1.0) for image in stack], axis=0) / side**2  # its sum is the variance
    windows = np.stack([_about(power, row, column) for row, column in _frequencies(period, side)])  # (F, 7, 7)
    lobes = windows[:, RING - LOBE : RING + LOBE + 1, RING - LOBE : RING + LOBE + 1]
    peak, bins = lobes.sum((1, 2)), lobes[0].size
    beside = (windows.sum((1, 2)) - peak) / (windows[0].size - bins)
    energy = (peak - bins * beside).sum()
    with np.errstate(invalid="ignore", divide="ignore"):  # constant images have no ratio and no share: NaN
        return Checkerboard(float((peak / bins / beside).mean()), float(energy), float(energy / power.sum()))


def _frequencies(period: int, side: int) -> list[tuple[int, int]]:
    """Bins of the multiples of 1/period on both axes that are not multiples of 2/period on both."""
    steps = side // period
    return [(steps * i, steps * j) for i, j in product(range(period), repeat=2) if i % 2 or j % 2]


def _about(power: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
    """The 7x7 bins about one, around the spectrum's ends."""
    reach, side = np.arange(-RING, RING + 1), len(power)
    return power[np.ix_((row + reach) % side, (column + reach) % side)]
