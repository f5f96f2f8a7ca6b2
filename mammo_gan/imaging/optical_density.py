"""Film digits of DDSM's scanners <-> optical density <-> grey levels that compare across scanners.

Each scanner of DDSM maps the film's optical density (OD) to grey levels of its own. The calibrations are those that
the database publishes (Heath et al., "The Digital Database for Screening Mammography", IWDM 2000, and its page on
scanner calibration). Optical density is clipped to the range that all scanners measure well, 0.05 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scanner = Literal["dba", "howtek-mgh", "howtek-ismd", "lumisys"]

DENSITY_RANGE = (0.05, 3.0)
BITS: Mapping[Scanner, int] = MappingProxyType({"dba": 16, "howtek-mgh": 12, "howtek-ismd": 12, "lumisys": 12})
"""Bits per pixel that each scanner delivers."""

# OD = (GL - offset) / slope; the DBA scanner's is linear in log10(GL).
_OFFSET_AND_SLOPE: Mapping[Scanner, tuple[float, float]] = MappingProxyType(
    {
        "dba": (4.80662, -1.07553),
        "howtek-mgh": (3.789 / 0.00094568, -1 / 0.00094568),
        "howtek-ismd": (3.96604095240593 / 0.00099055807612, -1 / 0.00099055807612),
        "lumisys": (4096.99, -1009.01),
    }
)
_WHITE = 65535


def optical_density(digits: NDArray[np.integer], scanner: Scanner) -> NDArray[np.float64]:
    """Optical density of film digits, not clipped: any shape, float64; infinite for a DBA digit of 0."""
    offset, slope = _OFFSET_AND_SLOPE[scanner]
    if scanner != "dba":
        return (digits.astype(np.float64) - offset) / slope
    with np.errstate(divide="ignore"):
        return (np.log10(digits.astype(np.float64)) - offset) / slope


def to_intensity(digits: NDArray[np.uint16], scanner: Scanner) -> NDArray[np.uint16]:
    """Film digits -> grey levels linear in optical density, dense tissue (low OD) bright.

    Args:
        digits: (H, W) uint16 as the scanner delivered them.
        scanner: whose calibration holds.

    Returns:
        (H, W) uint16: OD 3 and above is 0, OD 0.05 and below is 65535.
    """
    if digits.dtype != np.uint16:
        raise ValueError(f"film digits are uint16, got {digits.dtype}")
    return _intensity_of_digit(scanner)[digits]


def to_digits(intensity: NDArray[np.uint16], scanner: Scanner, bits: int) -> NDArray[np.uint16]:
    """The inverse of `to_intensity`, rounded to whole digits: what `scanner` would deliver.

    Args:
        intensity: (H, W) uint16, 0 is OD 3 and 65535 is OD 0.05.
        scanner: whose calibration holds.
        bits: bits per pixel of the file to be written; a ValueError where the scanner's digits don't fit.

    Returns:
        (H, W) uint16 digits below 2**bits.
    """
    if intensity.dtype != np.uint16:
        raise ValueError(f"intensities are uint16, got {intensity.dtype}")
    digit = _digit_of_intensity(scanner)
    if int(digit.max()) >= 2**bits:
        raise ValueError(f"digits of the {scanner} scanner reach {digit.max()}, more than {bits} bits hold")
    return digit[intensity]


@cache
def _intensity_of_digit(scanner: Scanner) -> NDArray[np.uint16]:
    low, high = DENSITY_RANGE
    density = np.clip(optical_density(np.arange(2**16), scanner), low, high)
    return np.rint((high - density) / (high - low) * _WHITE).astype(np.uint16)


@cache
def _digit_of_intensity(scanner: Scanner) -> NDArray[np.uint16]:
    low, high = DENSITY_RANGE
    offset, slope = _OFFSET_AND_SLOPE[scanner]
    level = offset + slope * (high - np.arange(2**16) / _WHITE * (high - low))
    return np.rint(10**level if scanner == "dba" else level).astype(np.uint16)
