"""One film of one patient: tissue, lesion, film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.breast import BreastForm, draw_breast, muscle_depth, skin_depth, skin_thickness
from mammo_gan.archives.phantom.breast import tissue_thickness as thickness_within
from mammo_gan.archives.phantom.calcifications import draw_cluster
from mammo_gan.archives.phantom.ducts import duct_tree
from mammo_gan.archives.phantom.film import FAT, GLAND, develop
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding, Lesion
from mammo_gan.archives.phantom.ligaments import ligaments
from mammo_gan.archives.phantom.masses import draw_mass
from mammo_gan.archives.phantom.parenchyma import dense_share, glandular_share
from mammo_gan.archives.phantom.patient import Patient, stream
from mammo_gan.archives.phantom.tubes import projected
from mammo_gan.archives.phantom.vessels import vessels
from mammo_gan.archives.records import Laterality, View

_SKIN = 1.5  # mm
_EXPOSURE = 0.15  # standard deviation among films, natural logarithm
_MUSCLE = (14.0, 30.0)  # mm of pectoral muscle in the beam at its border and at most
_INNERMOST = 3.0  # mm; no lesion lies nearer to the skin
_WIDEST_ANGLE = 1.0  # radians about the line from nipple to chest wall within which lesions lie
_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class PhantomFilm:
    """A film as it is seen: chest wall at the left of a left breast and at the right of a right one.

    intensity: (H, W) uint16, 0 is an optical density of 3 and 65535 one of 0.05
    breast:    (H, W) bool, within the skin line
    lesion:    the lesion's mask, (H, W) bool; None on a film without
    """

    intensity: NDArray[np.uint16]
    breast: NDArray[np.bool_]
    lesion: NDArray[np.bool_] | None


def draw_film(patient: Patient, laterality: Laterality, view: View, grid: Grid, seed: int) -> PhantomFilm:
    """The film of one side and view. Texture is drawn anew for each film: views agree in form, not in detail."""
    rng = stream(seed, patient.number, f"{laterality}{view}")
    form = draw_breast(view, patient.size, patient.thickness, grid.width_mm, rng)
    darker = float(rng.normal(0, _EXPOSURE))
    depth, muscle = skin_depth(form, grid), muscle_depth(form, grid)
    clearance = depth if muscle is None else np.minimum(depth, -muscle)
    dense = dense_share(patient.density, patient.density_rank)
    gland = glandular_share(form, dense, depth, muscle, grid, rng)
    attenuation = _tissue(form, depth, muscle, gland, _curves(form, gland, clearance, grid, rng))
    lesion = None
    if patient.finding is not None and laterality == patient.affected:
        # A stream of its own: the film around the lesion is the one that it would be without.
        of_lesion = stream(seed, patient.number, f"{laterality}{view} lesion")
        lesion = _lesion(patient.finding, patient.nipple_distance, form, depth, clearance, gland, grid, of_lesion)
        attenuation += lesion.attenuation
    intensity = develop(attenuation, form.thickness, grid.mm_per_px, rng, darker)
    mirror = slice(None, None, 1 if laterality == "L" else -1)
    mask = None if lesion is None else lesion.mask[:, mirror]
    return PhantomFilm(intensity[:, mirror], (depth > 0)[:, mirror], mask)


def _curves(
    form: BreastForm, gland: NDArray[np.float32], clearance: NDArray[np.float32], grid: Grid, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(H, W) float32 mm of ligaments, ducts and vessels in the beam."""
    tubes = [ligaments(form, gland, clearance, grid, rng), *duct_tree(form, rng), *vessels(form, rng)]
    return projected(tubes, grid)


def _tissue(
    form: BreastForm,
    depth: NDArray[np.float32],
    muscle: NDArray[np.float32] | None,
    gland: NDArray[np.float32],
    lines: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(H, W) float32 attenuation of a breast without lesion."""
    thickness = thickness_within(depth, form.thickness)
    skin = skin_thickness(depth, form.thickness, _SKIN)
    # Where there is gland already, a curve takes its place; near the skin there is less and less room for one.
    dense = gland * np.maximum(thickness - skin, 0) + skin + lines * (1 - gland) * np.clip((depth - 1) / 5, 0, 1)
    if muscle is not None:
        border, most = _MUSCLE
        beneath_skin = np.clip(depth / 12, 0, 1)
        dense += np.clip((muscle + 1.5) / 3, 0, 1) * np.clip(border + 0.3 * muscle, 0, most) * beneath_skin
    return np.asarray(FAT * thickness + (GLAND - FAT) * dense, dtype=np.float32)


def _lesion(
    finding: Finding,
    nipple_distance: float,
    form: BreastForm,
    depth: NDArray[np.float32],
    clearance: NDArray[np.float32],
    gland: NDArray[np.float32],
    grid: Grid,
    rng: np.random.Generator,
) -> Lesion:
    centre = _centre(finding, nipple_distance * form.reach, form, clearance, gland, grid, rng)
    allowed = depth > _INNERMOST
    if finding.kind == "mass":
        return draw_mass(finding, centre, allowed, grid, rng)
    return draw_cluster(finding, centre, form.nipple, allowed, grid, rng)


def _centre(
    finding: Finding,
    distance: float,
    form: BreastForm,
    clearance: NDArray[np.float32],
    gland: NDArray[np.float32],
    grid: Grid,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """xy in mm, about `distance` from the nipple, rather where gland meets fat than within either.

    It lies so that the whole lesion is within the film and the breast and clear of the muscle, or as clear as it can be
    in a breast too small for it.
    """
    angle = rng.uniform(-_WIDEST_ANGLE, _WIDEST_ANGLE, _CANDIDATES)
    radius = distance * rng.uniform(0.85, 1.15, _CANDIDATES)
    x, y = form.reach - radius * np.cos(angle), form.nipple_y + radius * np.sin(angle)
    column = np.clip((x / grid.mm_per_px).astype(int), 0, grid.width - 1)
    row = np.clip((y / grid.mm_per_px).astype(int), 0, grid.height - 1)
    # The film's edge at the chest wall cuts a lesion off as the skin would.
    room = np.minimum(clearance[row, column], x) - finding.extent - _INNERMOST
    if room.max() < 0:
        best = int(np.argmax(room))
        return float(x[best]), float(y[best])
    share = gland[row, column]
    chance = np.where(room >= 0, 4 * share * (1 - share) + 0.1, 0.0)
    choice = int(rng.choice(_CANDIDATES, p=chance / chance.sum()))
    return float(x[choice]), float(y[choice])
