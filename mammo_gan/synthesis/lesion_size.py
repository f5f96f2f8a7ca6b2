"""How large the patch around an inserted mass is: Gaussians of real masses' heights and widths (shen2021, 4.3).

"We calculate the mean and variance of the height or width of original unscaled mass patches (padded 100 pixels around
mass)." The file that they are kept in is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError
from mammo_gan.files import write_text
from mammo_gan.imaging.lesion_patches import PADDING, padded_window

Unit = Literal["mm", "px"]
Pair = tuple[float, float]  # of heights and of widths

_PAIRS = ("mean", "deviation", "low", "high")
_TRIES = 64  # sizes drawn at once; fewer than one in 10^8 draws has none within the range


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSizes:
    """Heights and widths of masses' patches: a Gaussian, and the range seen, which sizes drawn don't leave.

    Pairs are (height, width) in `unit`.

    # Assumption: height and width are drawn apart, the paper's "mean and variance of the height or width": correlation
    # 0. `fit_sizes` measures it where asked to, so that a tall mass is as wide as tall ones are.
    # Assumption: a Gaussian has no bounds, and the paper names none: ours are the smallest and the largest seen.
    """

    unit: Unit
    mean: Pair
    deviation: Pair
    low: Pair
    high: Pair
    count: int  # masses measured
    padding: int  # px of the image around each, on every side
    correlation: float = 0.0  # of height and width

    def __post_init__(self) -> None:
        pairs = (self.mean, self.deviation, self.low, self.high)
        if self.unit not in ("mm", "px") or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"expected pairs of height and width in mm or px, got {self}")
        numbers = [value for pair in pairs for value in pair]
        ordered = all(0 < low <= high for low, high in zip(self.low, self.high, strict=True))
        if not (all(map(isfinite, numbers)) and ordered and min(self.deviation) >= 0 and abs(self.correlation) <= 1):
            raise ValueError(f"expected 0 < low <= high, deviations from 0 and a correlation in [-1, 1], got {self}")

    def draw(self, rng: np.random.Generator, mm_per_px: float | None = None) -> tuple[int, int]:
        """(height, width) of a patch, px of an image of that spacing. Takes as much of `rng` each time.

        Raises:
            UserError: sizes in mm, and an image whose spacing isn't known.
        """
        if self.unit == "mm" and not (mm_per_px and isfinite(mm_per_px) and mm_per_px > 0):
            raise UserError(
                f"sizes of masses are in mm, and the spacing of the image's pixels is {mm_per_px}: give images with "
                "a known spacing, or measure sizes in px"
            )
        normal = rng.standard_normal((_TRIES, 2))
        normal[:, 1] = self.correlation * normal[:, 0] + sqrt(1 - self.correlation**2) * normal[:, 1]
        sizes = np.asarray(self.mean) + np.asarray(self.deviation) * normal  # (tries, 2)
        inside = ((sizes >= self.low) & (sizes <= self.high)).all(axis=1)
        height, width = np.clip(sizes[int(np.argmax(inside))], self.low, self.high).tolist()
        scale = mm_per_px if self.unit == "mm" and mm_per_px else 1.0
        return max(1, round(height / scale)), max(1, round(width / scale))


def fit_sizes(
    mammograms: Iterable[Mammogram], *, padding: int = PADDING, correlated: bool = False, unit: Unit | None = None
) -> LesionSizes:
    """Measure the patches of all masses that have a box.

    Args:
        padding: px of the stored image on each side; a patch ends at the image's border.
        correlated: measure the correlation of height and width as well (not in the paper).
        unit: None = mm where every mass's image has a known spacing, else px.

    Raises:
        UserError: fewer than two masses, or mm asked for where a spacing isn't known.
    """
    patches = [patch for mammogram in mammograms for patch in _patches(mammogram, padding)]
    if len(patches) < 2:
        raise UserError(
            f"sizes of masses: expected two masses with a box at least, found {len(patches)}; choose an archive or a "
            "selection with more"
        )
    unknown = [image for *_, spacing, image in patches if spacing is None]
    unit = unit or ("px" if unknown else "mm")
    if unit == "mm" and unknown:
        raise UserError(f"sizes of masses in mm: {len(unknown)} images have no spacing, as {unknown[0]}; measure in px")
    sides = np.array([(height, width) for height, width, *_ in patches], dtype=np.float64)  # (N, 2)
    if unit == "mm":
        sides *= np.array([[spacing] for *_, spacing, _ in patches], dtype=np.float64)
    deviation = np.asarray(sides.std(axis=0, ddof=1))
    measurable = correlated and bool((deviation > 0).all())
    return LesionSizes(
        unit=unit,
        mean=_pair(np.asarray(sides.mean(axis=0))),
        deviation=_pair(deviation),
        low=_pair(sides.min(axis=0)),
        high=_pair(sides.max(axis=0)),
        count=len(sides),
        padding=padding,
        correlation=float(np.clip(np.asarray(np.corrcoef(sides.T))[0, 1], -1, 1)) if measurable else 0.0,
    )


def write_sizes(path: Path, sizes: LesionSizes) -> None:
    """Keep the sizes as JSON."""
    write_text(path, json.dumps(asdict(sizes), indent=2) + "\n")


def read_sizes(path: Path) -> LesionSizes:
    """What `write_sizes` wrote.

    Raises:
        UserError: no such file, or one that holds something else.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return LesionSizes(**(fields | {name: tuple(map(float, fields[name])) for name in _PAIRS}))
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise UserError(
            f"{path}: expected the sizes of masses as JSON, found {type(error).__name__}: {error}; measure them again"
        ) from error


def _patches(mammogram: Mammogram, padding: int) -> Iterator[tuple[int, int, float | None, str]]:
    """Height and width in px, mm per px and the image's name, of each mass."""
    for lesion in mammogram.lesions:
        if lesion.kind == "mass" and lesion.box is not None:
            box = (lesion.box.x0, lesion.box.y0, lesion.box.x1, lesion.box.y1)
            x0, y0, x1, y1 = padded_window(box, (mammogram.height, mammogram.width), padding)
            yield y1 - y0, x1 - x0, mammogram.mm_per_px, mammogram.image


def _pair(values: NDArray[np.float64]) -> Pair:
    return float(values[0]), float(values[1])
