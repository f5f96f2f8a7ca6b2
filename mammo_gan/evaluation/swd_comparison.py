"""The sliced Wasserstein distance of synthetic images from real ones, and its floor (korkinof2019_mammogan, section 3).

The floor is the distance of real images from real ones of other patients. So the real images are parted by patient, and
the synthetic ones are compared with either half. All comparisons are over equally many images and the same directions,
for a distance falls as images are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.values import described
from mammo_gan.metrics.sliced_wasserstein import swd_name
from mammo_gan.statistics.sliced_wasserstein import Patches, level_heights, sliced_wasserstein

Numbers = NDArray[np.intp]
FLOOR = "real_real"


class Side(NamedTuple):
    """Some images of a set: the patches of each of the set, and the numbers of those that are meant."""

    patches: Sequence[Patches]
    numbers: Numbers

    def first(self, count: int) -> list[Patches]:
        """The patches of the first ones."""
        return [self.patches[number] for number in self.numbers[:count].tolist()]


def compare_by_swd(
    groups: Mapping[str, tuple[str, Side]], halves: tuple[Side, Side], size: tuple[int, int], seed: int
) -> Iterator[dict[str, Any]]:
    """The mean over the levels, then each level, of the floor and of each group against either half.

    Names are like `swd_512/synthetic_first/level_1280`, where 512 images of each side were compared; with the
    original's 16,384 they begin with `swd`.

    Args:
        groups: name -> (label, its images), of synthetic images.
        halves: of the real ones, without a shared patient.
        size: (height, width) of all images, px.
        seed: of the directions.
    """
    fault = no_pyramid(size)
    first, second = halves
    pairs = {FLOOR: ("real against real of other patients, the floor", first, second)}
    for name, (label, group) in groups.items():
        pairs[f"{name}_first"] = (f"{label}, against the first half of the real", group, first)
        pairs[f"{name}_second"] = (f"{label}, against the second half of the real", group, second)
    count = min(len(side.numbers) for side in (*halves, *(group for _, group in groups.values())))
    heights = () if fault else level_heights(*size)
    for name, (label, one, other) in pairs.items():
        note, values = fault, np.full(len(heights), np.nan)
        if not fault and not count:
            note = "needs real images of two patients or more, about equally many of each"
        elif not fault:
            note = f"{count:,} against {count:,} images"
            values = sliced_wasserstein(one.first(count), other.first(count), np.random.default_rng(seed))
        yield from _levels(f"{swd_name(count)}/{name}", label, heights, values, count, note)


def no_pyramid(size: tuple[int, int]) -> str:
    """Why images of this size have no such distance; empty where they have one."""
    try:
        level_heights(*size)
    except ValueError as error:
        return str(error)
    return ""


def _levels(
    name: str, label: str, heights: Sequence[int], values: NDArray[np.float64], count: int, note: str
) -> Iterator[dict[str, Any]]:
    mean = float(values.mean()) if len(values) else np.nan
    named = [("mean", "mean of the levels", mean)]
    named += [(f"level_{height}", f"level of {height} px", float(v)) for height, v in zip(heights, values, strict=True)]
    for level, what, value in named:
        known = bool(np.isfinite(value))
        said = note if known or not count or not heights else f"{note}; all patches of a set are of one grey level"
        yield described(f"{name}/{level}", f"SWD, {what}: {label}", value if known else None, n=count, note=said)
