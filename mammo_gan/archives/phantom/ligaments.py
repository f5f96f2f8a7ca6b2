"""Cooper's ligaments and other strands of connective tissue: fine curved lines, drawn towards the nipple."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.breast import BreastForm
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.tubes import Tubes, grown

_PER_CM2 = 4.5
_LENGTH = 20.0  # mm, the median
_DIAMETER = (0.25, 1.0)  # mm
_SHEET = 3.5  # seen on its edge, a ligament is so many times deeper than wide
_ASTRAY = 0.4  # radians that their direction differs from the nipple's
_BEYOND_NIPPLE = 12.0  # mm; they run towards a point before it
_IN_FAT = 0.25  # how many there are in fat for each in gland
_NODES = 16


def ligaments(
    form: BreastForm, gland: NDArray[np.float32], clearance: NDArray[np.float32], grid: Grid, rng: np.random.Generator
) -> Tubes:
    """Strands of one film, denser where there is gland.

    Args:
        form: the breast.
        gland: (H, W) share of gland in the beam.
        clearance: (H, W) mm from skin and muscle.
        grid: the pixels of both.
        rng: the strands'.
    """
    area = form.reach * 2 * form.half_height / 100
    tries = rng.uniform((0, 0), (form.reach, form.nipple_y + form.half_height), (int(3 * _PER_CM2 * area), 2))
    column = np.minimum((tries[:, 0] / grid.mm_per_px).astype(int), grid.width - 1)
    row = np.minimum((tries[:, 1] / grid.mm_per_px).astype(int), grid.height - 1)
    chance = np.where(clearance[row, column] > 3, _IN_FAT + (1 - _IN_FAT) * np.minimum(gland[row, column] / 0.5, 1), 0)
    middle = tries[rng.random(len(tries)) < chance]
    towards = np.arctan2(form.nipple_y - middle[:, 1], form.reach + _BEYOND_NIPPLE - middle[:, 0])
    heading = towards + rng.normal(0, _ASTRAY, len(middle))
    length = _LENGTH * rng.lognormal(0, 0.45, len(middle))
    start = middle - 0.5 * length[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    x, y, _ = grown(start, heading, length, 0.45, _NODES, rng)
    low, high = _DIAMETER
    thickest = (low + (high - low) * rng.random(len(middle)) ** 2.5) / 2
    ends = np.sqrt(np.sin(np.pi * np.linspace(0.04, 0.96, _NODES)))  # they rise out of the tissue and sink back
    return Tubes(x, y, thickest[:, None] * ends, _SHEET)
