"""Fibroglandular tissue: smooth lobes with a power-law texture, gathered behind the nipple and drawn towards it.

Mammograms have a power spectrum close to 1/f^3: A. E. Burgess, F. L. Jacobson and P. F. Judy, "Human observer
detection experiments with mammograms and power-law noise", Medical Physics 28 (2001) 419-437.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from mammo_gan.archives.phantom.breast import BreastForm
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.records import Density

BETA = 3.0
"""Exponent of the parenchyma's power spectrum."""

DENSE_SHARE: Mapping[Density, tuple[float, float]] = MappingProxyType(
    {"A": (0.02, 0.07), "B": (0.13, 0.21), "C": (0.30, 0.44), "D": (0.55, 0.65)}
)
"""Least and largest share of the breast's area, muscle apart, that is dense in a breast of BI-RADS density A to D."""

_LARGEST_STRUCTURE = 60.0  # mm; the spectrum is flat for longer waves
_SUBCUTANEOUS = 9.0  # mm of fat beneath the skin
_RETROMAMMARY = 12.0  # mm before the chest wall in which gland gives way to fat
_LOBES_BETA, _LOBES_STEP = 4.2, 2.0  # of the lobes' outline, which is smooth: exponent, and mm between nodes
_EDGE = 2.0  # how steeply gland ends
_GLAND = 0.55  # mean share of gland among the tissue of a lobe; some fat is before it and behind
_STROMA = 0.12  # mean share of connective tissue in fat
_POLE_BEYOND_NIPPLE = 12.0  # mm; ducts and ligaments run towards a point before the nipple
_STRETCH = 3.5  # gland is drawn out so many times towards the nipple


def dense_share(density: Density, rank: float) -> float:
    """The share of dense area of a breast that stands at `rank`, 0 to 1, among those of its density."""
    least, largest = DENSE_SHARE[density]
    return least + (largest - least) * rank


def power_law_field(
    height: int,
    width: int,
    mm_per_px: float,
    beta: float,
    rng: np.random.Generator,
    largest: float = _LARGEST_STRUCTURE,
) -> NDArray[np.float32]:
    """An isotropic Gaussian random field whose power falls as 1/f^beta for waves shorter than `largest` mm.

    It is cut from a larger one, so that opposite edges don't continue each other.

    Returns:
        (height, width) float32 of mean 0 and variance 1 over many fields.
    """
    rows = fft.next_fast_len(int(1.25 * height) + 1, real=True)
    columns = fft.next_fast_len(int(1.25 * width) + 1, real=True)
    fy = np.fft.fftfreq(rows, mm_per_px).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(columns, mm_per_px).astype(np.float32)[None, :]
    amplitude = (fx**2 + fy**2 + np.float32(largest**-2)) ** np.float32(-beta / 4)
    amplitude[0, 0] = 0
    twice = np.full(fx.shape, 2.0)  # real fields: the left half of the spectrum is the right one's mirror image
    twice[0, 0] = 1.0
    variance = float((amplitude.astype(np.float64) ** 2 * twice).sum()) / (rows * columns)
    white = rng.standard_normal((rows, columns), dtype=np.float32)
    field = fft.irfft2(fft.rfft2(white) * (amplitude / np.float32(np.sqrt(variance))), s=(rows, columns))
    return np.ascontiguousarray(field[:height, :width], dtype=np.float32)


def glandular_share(
    form: BreastForm,
    dense: float,
    depth: NDArray[np.float32],
    muscle: NDArray[np.float32] | None,
    grid: Grid,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Share of gland among the tissue in each pixel's beam.

    Args:
        form: the breast.
        dense: share of the breast's area, muscle apart, that is to be dense: rather gland than fat.
        depth: (H, W) mm from the skin line.
        muscle: (H, W) mm within the pectoral muscle, negative outside; None where there is none.
        grid: the pixels.
        rng: the texture's.

    Returns:
        (H, W) float32 in [0, 1].
    """
    texture = power_law_field(grid.height, grid.width, grid.mm_per_px, BETA, rng)
    drawn_out = _towards_nipple(form, BETA, _LARGEST_STRUCTURE, _STRETCH, grid, rng)
    uneven = 0.9 * _lobes(grid, rng) + 0.4 * drawn_out + 0.1 * texture
    propensity = np.asarray(_EDGE * (uneven + _disc(form, grid)), dtype=np.float32)
    allowed = _rise((depth - 0.35 * _SUBCUTANEOUS) / _SUBCUTANEOUS) * _rise(0.1 + grid.x / _RETROMAMMARY)
    breast = depth > 0
    if muscle is not None:
        allowed = allowed * (1 - np.float32(0.95) * _rise((muscle + 8) / 10))
        breast &= muscle < 0
    share = _with_mean(propensity, allowed, breast, dense)
    # Neither is gland ever without fat nor fat without stroma: both keep a texture.
    gland = _GLAND * share * (1 + 0.14 * texture + 0.12 * drawn_out)
    stroma = _STROMA * _rise(depth / _SUBCUTANEOUS) * (1 - share) * (1 + 0.15 * texture + 0.3 * drawn_out)
    return np.asarray(np.clip(gland + stroma, 0, 1), dtype=np.float32)


def _lobes(grid: Grid, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W) float32, mean 0 and variance 1: a field too smooth to need the film's pixels."""
    rows, columns = (int(size * grid.mm_per_px / _LOBES_STEP) + 6 for size in (grid.height, grid.width))
    field = power_law_field(rows, columns, _LOBES_STEP, _LOBES_BETA, rng)
    x, y = (np.asarray(at / _LOBES_STEP + 2, dtype=np.float32) for at in (grid.x, grid.y))
    shape = grid.height, grid.width
    return np.asarray(cv2.remap(field, np.broadcast_to(x, shape), np.broadcast_to(y, shape), cv2.INTER_CUBIC))


def _towards_nipple(
    form: BreastForm, beta: float, largest: float, stretch: float, grid: Grid, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A power-law field in polar coordinates about the nipple, its structures drawn out `stretch` times towards it."""
    x, y = form.reach + _POLE_BEYOND_NIPPLE - grid.x, grid.y - form.nipple_y
    radius = np.hypot(x, y)
    middle = 0.5 * form.reach
    # The seam where the angle jumps by a full turn lies before the nipple, outside the breast.
    along, across = radius / stretch, (np.arctan2(y, x) + np.pi) * middle
    step = max(grid.mm_per_px, 0.3) / 1.5
    columns, rows = int(radius.max() / stretch / step) + 4, int(2 * np.pi * middle / step) + 4
    field = power_law_field(rows, columns, step, beta, rng, largest)
    at = [np.asarray(where / step + 1, dtype=np.float32) for where in (along, across)]
    return np.asarray(cv2.remap(field, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))


def _disc(form: BreastForm, grid: Grid) -> NDArray[np.float32]:
    """The glandular disc: how readily gland grows, highest behind the nipple, a cone that opens to the chest wall."""
    inwards = (form.reach - grid.x) / form.reach  # 0 at the nipple, 1 at the chest wall
    centre = form.nipple_y - (0.25 if form.view == "MLO" else 0.05) * form.half_height * inwards
    opening = form.half_height * (0.25 + 0.55 * np.clip(inwards, 0, 1))
    across = (grid.y - centre) / opening
    along = (inwards - 0.42) / 0.42
    return np.asarray(-2.4 * (across**2 + along**2), dtype=np.float32)


def _with_mean(
    propensity: NDArray[np.float32], allowed: NDArray[np.float32], breast: NDArray[np.bool_], mean: float
) -> NDArray[np.float32]:
    """Turns propensity into a share of [0, 1], `allowed` at most, of that mean within the breast: by bisection."""
    values, most = propensity[breast][::7], allowed[breast][::7]
    low, high = -40.0, 40.0
    for _ in range(24):
        threshold = (low + high) / 2
        if float((most * _logistic(values - threshold)).mean()) > mean:
            low = threshold
        else:
            high = threshold
    return allowed * _logistic(propensity - threshold)


def _logistic(value: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -30, 30))), dtype=np.float32)


def _rise(value: NDArray[np.floating]) -> NDArray[np.float32]:
    """0 below 0, 1 above 1, smooth between."""
    inside = np.clip(value, 0, 1)
    return np.asarray(inside**2 * (3 - 2 * inside), dtype=np.float32)
