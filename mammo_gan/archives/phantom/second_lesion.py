"""A film with two lesions, for archives that have such: put together from two films that have one each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.calcifications import describe_cluster
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding, FindingKind, FindingPathology
from mammo_gan.archives.phantom.mammogram import PhantomFilm, draw_film
from mammo_gan.archives.phantom.masses import describe_mass
from mammo_gan.archives.phantom.patient import Patient, stream
from mammo_gan.archives.records import View

_RADIUS = 4.0  # mm; a second lesion is small, so that it finds its place
_DISTANCES = (0.75, 0.35, 0.55, 0.65, 0.45)  # from the nipple, in the range of `Patient.nipple_distance`
_APART = 3.0  # mm and px at least between the two, so that their masks stay apart at other sizes too


@dataclass(frozen=True, slots=True)
class TwoLesions:
    """intensity: (H, W) uint16 as a `PhantomFilm`'s; first, second: (H, W) bool, which share no pixel."""

    intensity: NDArray[np.uint16]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]


def describe_second(patient: Patient, kind: FindingKind, pathology: FindingPathology, seed: int) -> Finding:
    """A small lesion that `patient` has besides her own, the same in all her films."""
    rng = stream(seed, patient.number, "second")
    finding = describe_mass(pathology, rng) if kind == "mass" else describe_cluster(pathology, rng)
    return replace(finding, radius=_RADIUS)


def draw_two(patient: Patient, second: Finding, view: View, grid: Grid, seed: int) -> TwoLesions | None:
    """The film of the affected breast with `second` too; None where every place for it touches the first lesion.

    The film around a lesion is the one that it would be without, so that films of the same breast with another lesion
    differ at the lesions alone: each pixel is taken from the film whose lesion is nearer.
    """
    if patient.affected is None:
        raise ValueError("a second lesion needs a first")
    film = draw_film(patient, patient.affected, view, grid, seed)
    own = _away(film)
    for distance in sorted(_DISTANCES, key=lambda share: -abs(share - patient.nipple_distance)):
        shifted = replace(patient, finding=second, nipple_distance=distance)
        other = draw_film(shifted, patient.affected, view, grid, seed)
        if film.lesion is None or other.lesion is None:
            break
        if own[other.lesion].min() * min(1.0, grid.mm_per_px) > _APART:
            intensity = np.where(_away(other) < own, other.intensity, film.intensity)
            return TwoLesions(intensity, film.lesion, other.lesion)
    return None


def _away(film: PhantomFilm) -> NDArray[np.float32]:
    """(H, W) float32: px from the film's lesion, 0 on it."""
    around = np.ones(film.intensity.shape, np.uint8) if film.lesion is None else (~film.lesion).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(around, cv2.DIST_L2, cv2.DIST_MASK_5), dtype=np.float32)
