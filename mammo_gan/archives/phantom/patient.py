"""Who the phantom's patients are and who has what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeVar, cast

import numpy as np

from mammo_gan.archives.phantom.calcifications import describe_cluster
from mammo_gan.archives.phantom.lesions import Finding
from mammo_gan.archives.phantom.masses import describe_mass
from mammo_gan.archives.records import Density, Laterality

Outcome = Literal["normal", "benign", "malignant"]
_Name = TypeVar("_Name", bound=str)

OUTCOMES: Mapping[Outcome, float] = MappingProxyType({"normal": 1 / 3, "benign": 1 / 3, "malignant": 1 / 3})
DENSITIES: Mapping[Density, float] = MappingProxyType({"A": 0.1, "B": 0.4, "C": 0.4, "D": 0.1})
"""Shares of women in the United States (ACR BI-RADS Atlas, 5th edition, 2013)."""

# Multiples of an irrational number spread evenly over [0, 1) however many are taken (Weyl), those of quadratic ones
# best; the roots of 5, 2 and 3 have no common multiple, so that what each of them decides is independent.
_SPREAD = ((5**0.5 - 1) / 2, 2**0.5, 3**0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One woman. Her finding is seen in both views of the affected breast."""

    number: int  # from 1
    age: int
    density: Density
    size: float  # of the breast, mm from chest wall to nipple
    thickness: float  # of the compressed breast, mm
    outcome: Outcome
    affected: Laterality | None
    finding: Finding | None
    nipple_distance: float  # of the finding, as a share of the distance from nipple to chest wall; alike in both views
    density_rank: float = 0.5  # in [0, 1), from the least to the most gland that her density stands for


def draw_patient(
    number: int, seed: int, outcomes: Mapping[Outcome, float], densities: Mapping[Density, float], mass_share: float
) -> Patient:
    """Patient `number` of the archive that `seed` stands for, whatever the number of patients.

    Outcome, density and kind of lesion keep to their shares among the first n patients as closely as they can, for
    every n, so that a small archive has all of them.
    """
    at_outcome, at_density, at_kind = _evenly_spread(number, seed)
    rng = stream(seed, number, "case")
    outcome, density = _pick(outcomes, at_outcome), _pick(densities, at_density)
    age = int(np.clip(rng.normal(56, 10), 35, 85))
    size, thickness = float(np.clip(rng.normal(88, 11), 62, 112)), float(np.clip(rng.normal(50, 8), 32, 70))
    affected = cast(Laterality, str(rng.choice(["L", "R"])))
    describe = describe_mass if at_kind < mass_share else describe_cluster
    finding = None if outcome == "normal" else describe(outcome, rng)
    return Patient(
        number=number,
        age=age,
        density=density,
        size=size,
        thickness=thickness,
        outcome=outcome,
        affected=None if finding is None else affected,
        finding=finding,
        nipple_distance=float(rng.uniform(0.35, 0.75)),
        density_rank=float(rng.random()),
    )


def stream(seed: int, number: int, purpose: str) -> np.random.Generator:
    """Random numbers of their own for each patient and purpose."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, *purpose.encode())))


def _evenly_spread(number: int, seed: int) -> tuple[float, float, float]:
    start = np.random.default_rng(seed).random(3)
    first, second, third = (start + number * np.array(_SPREAD)) % 1
    return float(first), float(second), float(third)


def _pick(shares: Mapping[_Name, float], at: float) -> _Name:
    """The entry of `shares` in which `at`, in [0, 1), falls when they are laid end to end."""
    names = [name for name, share in shares.items() if share > 0]
    ends = np.cumsum([shares[name] for name in names])
    return names[int(np.searchsorted(ends[:-1] / ends[-1], at, side="right"))]
