from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.optical_density import BITS, Scanner, optical_density, to_digits, to_intensity

SCANNERS: list[Scanner] = ["dba", "howtek-mgh", "howtek-ismd", "lumisys"]

# Worked out by hand from the published formulas, the rounded optical density beside each digit.
BY_HAND: list[tuple[Scanner, int, float]] = [
    ("dba", 10, 3.539297),  # (1 - 4.80662) / -1.07553
    ("dba", 10000, 0.749974),  # (4 - 4.80662) / -1.07553
    ("howtek-mgh", 0, 3.789),
    ("howtek-mgh", 2000, 1.89764),  # 3.789 - 1.89136
    ("howtek-ismd", 1000, 2.975483),  # 3.966041 - 0.990558
    ("lumisys", 4000, 0.096124),  # (4000 - 4096.99) / -1009.01
    ("lumisys", 2000, 2.078265),
]


@pytest.mark.parametrize(("scanner", "digit", "density"), BY_HAND)
def test_optical_density_by_hand(scanner: Scanner, digit: int, density: float) -> None:
    assert optical_density(np.array([digit]), scanner)[0] == pytest.approx(density, abs=1e-6)


@pytest.mark.parametrize(("scanner", "digit", "density"), BY_HAND)
def test_intensity_is_linear_in_the_clipped_density(scanner: Scanner, digit: int, density: float) -> None:
    intensity = to_intensity(np.array([[digit]], dtype=np.uint16), scanner)
    assert intensity.dtype == np.uint16
    expected = 65535 * (3 - min(max(density, 0.05), 3)) / 2.95
    assert int(intensity[0, 0]) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_dense_tissue_is_bright_and_both_ends_are_clipped(scanner: Scanner) -> None:
    digits = np.arange(2 ** BITS[scanner], dtype=np.uint16)[None]
    intensity = to_intensity(digits, scanner)[0].astype(np.int64)
    assert (np.diff(intensity) >= 0).all()
    assert (intensity[0], intensity[-1]) == (0, 65535)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_digits_that_stand_for_clipped_densities_apart_the_inverse_is_exact(scanner: Scanner) -> None:
    digits = np.arange(1, 2 ** BITS[scanner], dtype=np.uint16)
    density = optical_density(digits, scanner)
    within = digits[(density > 0.06) & (density < 2.99)]
    back = to_digits(to_intensity(within, scanner), scanner, BITS[scanner])
    # DBA's 56,000 digits are finer than the grey levels where the film is clear: there the level is what survives.
    np.testing.assert_array_equal(to_intensity(back, scanner), to_intensity(within, scanner))
    if scanner != "dba":
        np.testing.assert_array_equal(back, within)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_the_whole_grey_range_survives_within_half_a_digit(scanner: Scanner) -> None:
    intensity = np.arange(2**16, dtype=np.uint16)
    digits = to_digits(intensity, scanner, BITS[scanner])
    back = to_intensity(digits, scanner).astype(np.int64)
    # The width of a digit in grey levels, from the formulas' slopes at the darkest digit, the coarsest of DBA's.
    width = {"dba": 260, "howtek-mgh": 22, "howtek-ismd": 23, "lumisys": 23}[scanner]
    assert np.abs(back - intensity).max() <= width / 2 + 1


def test_digits_need_the_scanners_bits() -> None:
    with pytest.raises(ValueError, match="more than 12 bits hold"):
        to_digits(np.zeros((2, 2), dtype=np.uint16), "dba", bits=12)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="uint16, got uint8"):
        to_intensity(np.zeros((2, 2), dtype=np.uint8), "lumisys")
