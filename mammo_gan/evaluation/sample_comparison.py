"""Numbers measured on synthetic things and on real ones: how far apart do they lie?

Each number has two distances: how far its distribution lies from the real one, in the real one's standard deviations,
and the largest gap between the two distribution functions. Both are above zero for samples of equal kind, so the
distance of two halves of the real patients from each other, the floor, is said with each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.values import described
from mammo_gan.statistics.bootstrap import interval_by_patient
from mammo_gan.statistics.shift import largest_gap, shift

HALVINGS = 20

Values = NDArray[np.float64]
Distance = Callable[[Values, Values], float | None]

# Name, label, unit and what a value is.
_DISTANCES: tuple[tuple[str, str, str, str, Distance], ...] = (
    ("shift", "distance", "SD", "Wasserstein distance over the real standard deviation", shift),
    ("gap", "largest gap", "", "largest gap of the distribution functions (Kolmogorov-Smirnov)", largest_gap),
)


def compare_samples(
    real: Mapping[str, Values],
    synthetic: Mapping[str, Values],
    patients: Sequence[str],
    rng: np.random.Generator,
    resamples: int,
    *,
    prefix: str,
    things: str,
) -> list[dict[str, Any]]:
    """`PREFIX_shift/NUMBER` in SD and `PREFIX_gap/NUMBER` in [0, 1] for each number, with 95 % intervals.

    Args:
        real, synthetic: by the number's name, one value per thing, (N,) and (M,); nan where a thing lacks the number,
            which leaves it out there. Such things are counted in the note.
        patients: (N,), whose the real things are, as keyed hashes; what is resampled for the intervals. A resample of
            few patients differs more from the synthetic things than all patients do, so the interval may lie above its
            value.
        things: what was measured, such as images.

    Raises:
        ValueError: if there isn't one patient per real thing.
    """
    found = []
    for number, theirs in real.items():
        if len(patients) != len(theirs):
            raise ValueError(f"one patient for each real one is needed; got {len(patients)} for {len(theirs)} {things}")
        ours = synthetic[number]
        usable = np.isfinite(theirs)
        owners = [patient for patient, keep in zip(patients, usable, strict=True) if keep]
        for name, label, unit, what, distance in _DISTANCES:
            value = distance(ours, theirs)
            note = f"no {things} to compare, or no spread among the real ones"
            if value is not None:
                floor = _floor(distance, theirs[usable], owners, rng)
                note = "; ".join([what, *floor, *_left_out(ours, theirs, things)])
            found.append(
                described(
                    f"{prefix}_{name}/{number}",
                    f"{number.replace('_', ' ')}: {label} of synthetic from real {things}",
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


def _left_out(ours: Values, theirs: Values, things: str) -> Iterator[str]:
    for name, values in (("synthetic", ours), ("real", theirs)):
        if missing := int((~np.isfinite(values)).sum()):
            yield f"{missing} of {len(values)} {name} {things} don't have it"
