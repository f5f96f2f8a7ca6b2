"""Does one archive look like another: power spectrum, moments, grey levels and density within the breast.

Spectra are taken from square windows of one size in mm that lie wholly in tissue, so that films of any pixel size give
power at the same frequencies. Grey levels are shares of the film's full scale, 0 = black to 1 = white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.data.prepare import Progress, no_progress
from mammo_gan.errors import UserError
from mammo_gan.imaging.density import percent_density
from mammo_gan.imaging.pectoral import tissue_mask
from mammo_gan.statistics.moments import Moments, moments
from mammo_gan.statistics.spectrum import radial_spectrum

LEVELS = 64  # bins of the grey-level histogram over [0, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureRecipe:
    """How films are measured.

    Args:
        window_mm: side of the windows; half overlapping, wholly in tissue.
        most_windows: of one film.
        low, high: cycles per mm between which the spectrum's slope is fitted.

    Raises:
        UserError: a number is out of its range.
    """

    window_mm: float
    most_windows: int
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.window_mm <= 0 or self.most_windows < 1:
            raise UserError(f"compare: expected windows larger than 0 mm and 1 or more of them, found {self}")
        if not 2 / self.window_mm <= self.low < self.high:
            raise UserError(
                f"compare: expected low < high, and low of at least two waves a window ({2 / self.window_mm:g} per mm "
                f"with window_mm={self.window_mm:g}), found low={self.low:g} high={self.high:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTexture:
    """What one film shows. `patient` names whose film it is among others of the archive and goes no further.

    power:    (K,) at (1, 2, ..., K) / window_mm cycles per mm, mean of its windows; None where no window fits in
    density:  percent density, in [0, 1]; None where the size of a pixel isn't known
    """

    patient: str
    mm_per_px: float | None
    windows: int
    power: NDArray[np.float64] | None
    moments: Moments
    histogram: NDArray[np.int64]
    density: float | None


def measure(
    records: Sequence[Mammogram],
    reader: Reader,
    root: Path,
    recipe: TextureRecipe,
    jobs: int = 1,
    progress: Progress = no_progress,
    description: str = "measuring films",
) -> list[FilmTexture]:
    """The textures of films, in their order; films on which no breast is found are left out.

    Args:
        jobs: processes; -1 = all cores.

    Raises:
        UserError: an image can't be read.
    """
    work = (delayed(_of_file)(reader, root, record, recipe) for record in records)
    found = Parallel(n_jobs=jobs, return_as="generator")(work)
    return [film for film in progress(found, len(records), description) if film is not None]


def film_texture(
    grey: NDArray[np.float64], view: str | None, mm_per_px: float | None, patient: str, recipe: TextureRecipe
) -> FilmTexture | None:
    """What a film shows; None where no breast is found.

    Args:
        grey: (H, W) in [0, 1], dense tissue bright.
        view: where it is MLO, the pectoral muscle is left out.
        mm_per_px: None where it isn't known: the film then has no spectrum and no density.
    """
    tissue = tissue_mask(grey, view)
    if not tissue.any():
        return None
    power, places = None, []
    if mm_per_px is not None:
        side = round(recipe.window_mm / mm_per_px)
        places = windows(tissue, side, recipe.most_windows) if side >= 8 else []
        if places:
            cut = (grey[y : y + side, x : x + side] for y, x in places)
            power = radial_spectrum(cut, recipe.window_mm / side).power
    return FilmTexture(
        patient=patient,
        mm_per_px=mm_per_px,
        windows=len(places),
        power=power,
        moments=moments(grey, tissue),
        histogram=np.histogram(grey[tissue], LEVELS, (0, 1))[0].astype(np.int64),
        density=None if mm_per_px is None else percent_density(grey, view, mm_per_px),
    )


def windows(tissue: NDArray[np.bool_], side: int, most: int) -> list[tuple[int, int]]:
    """Corners (row, column) of up to `most` squares wholly within a mask, from the top; none overlap by over half."""
    height, width = tissue.shape
    if side > min(height, width):
        return []
    outside = cv2.integral((~tissue).astype(np.uint8))
    free = outside[side:, side:] - outside[:-side, side:] - outside[side:, :-side] + outside[:-side, :-side] == 0
    found: list[tuple[int, int]] = []
    apart = -(-side // 2)
    while len(found) < most and free.any():
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(free)), free.shape))
        found.append((row, column))
        free[max(row - apart + 1, 0) : row + apart, max(column - apart + 1, 0) : column + apart] = False
    return found


def as_shares(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float64]:
    """(H, W) of 8 or 16 bits, as readers give them -> shares of white, in [0, 1]."""
    return np.asarray(pixels / np.float64(np.iinfo(pixels.dtype).max), dtype=np.float64)


def _of_file(reader: Reader, root: Path, record: Mammogram, recipe: TextureRecipe) -> FilmTexture | None:
    grey = as_shares(reader.pixels(root, record))
    return film_texture(grey, record.view, record.mm_per_px, record.patient, recipe)
