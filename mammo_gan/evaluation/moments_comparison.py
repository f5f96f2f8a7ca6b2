"""Do synthetic images have the grey levels of real ones? The first five moments, real against synthetic
(korkinof2019_mammogan, section 5 and Figure 2).

The paper compares the histograms by eye. Here each moment has two distances: how far the distribution lies from the
real one, in the real one's standard deviations, and the largest gap between the two distribution functions. Both are
above zero for samples of equal kind, so the distance of two halves of the real patients from each other, the floor, is
said with each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.values import described
from mammo_gan.statistics.bootstrap import interval_by_patient
from mammo_gan.statistics.moments import Moments
from mammo_gan.statistics.shift import largest_gap, shift

HALVINGS = 20

Values = NDArray[np.float64]
Distance = Callable[[Values, Values], float | None]

# Name, label, unit and what a value is.
_DISTANCES: tuple[tuple[str, str, str, str, Distance], ...] = (
    ("moment_shift", "distance", "SD", "Wasserstein distance over the real standard deviation", shift),
    ("moment_gap", "largest gap", "", "largest gap of the distribution functions (Kolmogorov-Smirnov)", largest_gap),
)


def compare_moments(
    real: Moments,
    synthetic: Moments,
    patients: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
) -> list[dict[str, Any]]:
    """`moment_shift/MOMENT` in SD and `moment_gap/MOMENT` in [0, 1] for each of the five, with 95 % intervals.

    Args:
        real, synthetic: one value per image, (N,) and (M,); nan where an image lacks the moment, as a constant one
            does, which leaves it out there. Such images are counted in the note.
        patients: (N,), whose the real images are, as keyed hashes; what is resampled for the intervals. A resample of
            few patients differs more from the synthetic images than all patients do, so the interval may lie above its
            value.

    Raises:
        ValueError: if there isn't one patient per real image.
    """
    if len(patients) != len(real.mean):
        raise ValueError(f"one patient per real image is needed; got {len(patients)} for {len(real.mean)} images")
    found = []
    for moment in Moments._fields:
        ours, theirs = getattr(synthetic, moment), getattr(real, moment)
        usable = np.isfinite(theirs)
        owners = [patient for patient, keep in zip(patients, usable, strict=True) if keep]
        for name, label, unit, what, distance in _DISTANCES:
            value = distance(ours, theirs)
            note = "no images to compare, or no spread among the real ones"
            if value is not None:
                note = "; ".join([what, *_floor(distance, theirs[usable], owners, rng), *_left_out(ours, theirs)])
            found.append(
                described(
                    f"{name}/{moment}",
                    f"{moment}: {label} of synthetic from real images",
                    value,
                    n=int(np.isfinite(ours).sum()),
                    unit=unit,
                    interval=None
                    if value is None
                    else _interval(distance, ours, theirs[usable], owners, rng, resamples),
                    note=note,
                )
            )
    return found


def _interval(
    distance: Distance, ours: Values, theirs: Values, patients: Sequence[str], rng: np.random.Generator, resamples: int
) -> tuple[float, float] | None:
    def of(rows: NDArray[np.intp]) -> float:
        value = distance(ours, theirs[rows])
        return np.nan if value is None else value

    return interval_by_patient(of, patients, rng, resamples)


def _floor(distance: Distance, theirs: Values, patients: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    """The mean distance of one half of the real patients from the other, over some halvings."""
    names, which = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < 2:
        return
    halves = []
    for _ in range(HALVINGS):
        first = rng.permutation(len(names)) < len(names) // 2
        value = distance(theirs[first[which]], theirs[~first[which]])
        halves += [] if value is None else [value]
    if halves:
        yield f"halves of the real patients {np.mean(halves):.3g} apart"


def _left_out(ours: Values, theirs: Values) -> Iterator[str]:
    for name, values in (("synthetic", ours), ("real", theirs)):
        if missing := int((~np.isfinite(values)).sum()):
            yield f"{missing} of {len(values)} {name} images don't have it"
