"""The outer form of a compressed breast: skin line, nipple, thickness and, on MLO views, the pectoral muscle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.spatial import cKDTree

from mammo_gan.archives.phantom.grid import FILM_HEIGHT_MM, Grid
from mammo_gan.archives.records import View

_COARSE_STEP = 4.0  # mm; distance to the skin is smooth enough to be interpolated between nodes so far apart
_BEHIND_FILM = 60.0  # mm; so far the skin goes on behind the film's edge at the chest wall
_NIPPLE_RADIUS = 4.5  # mm
_BELOW_BREAST = 6.0  # mm of free film at least
_LARGEST_REACH = 0.85  # of the film's width; a breast that were larger would be placed on a larger film


@dataclass(frozen=True, slots=True, kw_only=True)
class BreastForm:
    """One breast as one view shows it. Lengths in mm, angles in degrees."""

    view: View
    reach: float  # chest wall to nipple
    half_height: float  # nipple to where the breast's lower end meets the chest wall
    asymmetry: float  # the upper half is higher by this share (CC); lateral tissue reaches further than medial
    nipple_y: float
    nipple_height: float  # by which it stands out where the beam grazes it; 0 where it doesn't
    thickness: float  # compressed
    axilla: float  # MLO: width of the breast's tail at the film's top
    muscle_width: float  # MLO: of the pectoral muscle at the film's top
    muscle_height: float  # MLO: how far down the muscle reaches along the chest wall

    @property
    def nipple(self) -> tuple[float, float]:
        return self.reach, self.nipple_y


def draw_breast(view: View, size: float, thickness: float, film_width: float, rng: np.random.Generator) -> BreastForm:
    """A breast of a woman of breast size `size` (mm, chest wall to nipple) as one view shows it.

    Both views and both sides of a patient share her size and thickness up to a few percent.
    """
    reach = min(size * rng.normal(1.0, 0.03), _LARGEST_REACH * film_width)
    mlo = view == "MLO"
    axilla = rng.uniform(0.55, 0.75) * reach
    nipple_y = FILM_HEIGHT_MM * (0.6 if mlo else 0.5) + rng.normal(0, 4)
    return BreastForm(
        view=view,
        reach=reach,
        half_height=min(reach * rng.uniform(0.88, 1.02), FILM_HEIGHT_MM - nipple_y - _BELOW_BREAST),
        asymmetry=rng.uniform(-0.05, 0.15),
        nipple_y=nipple_y,
        nipple_height=rng.uniform(-3, 4),
        thickness=thickness * rng.normal(1.05 if mlo else 1.0, 0.03),
        axilla=axilla,
        muscle_width=axilla - rng.uniform(10, 22),
        muscle_height=rng.uniform(0.45, 0.65) * FILM_HEIGHT_MM,
    )


def skin_line(form: BreastForm) -> NDArray[np.float64]:
    """(N, 2) xy of the skin line from top to bottom, in mm, going on behind the chest wall and above the film."""
    lower = np.sin(np.linspace(0, np.pi / 2, 600))
    behind = np.linspace(0, _BEHIND_FILM, 100)[1:]
    below = np.stack([form.reach * _arc(lower), form.nipple_y + form.half_height * lower], axis=1)
    if form.view == "CC":
        height = form.half_height * (1 + form.asymmetry)
        above = np.stack([form.reach * _arc(lower), form.nipple_y - height * lower], axis=1)
        beyond = np.stack([-behind, np.full_like(behind, above[-1, 1])], axis=1)
    else:
        # The tail towards the axilla: a bell over the tail's own width, concave where the arm begins.
        up = np.linspace(0, form.nipple_y + _BEHIND_FILM, 900)
        bell = np.exp(-((up / (0.55 * form.nipple_y)) ** 2.2))
        tail = form.axilla * (1 + 0.1 * up / FILM_HEIGHT_MM)
        above = np.stack([tail + (form.reach - tail) * bell, form.nipple_y - up], axis=1)
        beyond = above[:0]
    under = np.stack([-behind, np.full_like(behind, below[-1, 1])], axis=1)
    return np.concatenate([beyond[::-1], above[::-1], below[1:], under])


def skin_depth(form: BreastForm, grid: Grid) -> NDArray[np.float32]:
    """(H, W) float32: mm from the skin line, positive within the breast, negative on the free film."""
    outline = skin_line(form)
    columns = np.arange(-_COARSE_STEP, grid.width_mm + 2 * _COARSE_STEP, _COARSE_STEP)
    rows = np.arange(-_COARSE_STEP, FILM_HEIGHT_MM + 2 * _COARSE_STEP, _COARSE_STEP)
    x, y = np.meshgrid(columns, rows)
    distance = cKDTree(outline).query(np.stack([x.ravel(), y.ravel()], axis=1))[0].reshape(x.shape)
    within = x < np.interp(y, outline[:, 1], outline[:, 0])
    spline = RectBivariateSpline(rows, columns, np.where(within, distance, -distance))
    depth = spline(grid.y[:, 0], grid.x[0]).astype(np.float32)
    nipple = _NIPPLE_RADIUS - np.hypot(
        grid.x - form.reach + _NIPPLE_RADIUS - form.nipple_height, grid.y - form.nipple_y
    )
    return _smooth_maximum(depth, nipple, 2.0)


def tissue_thickness(depth: NDArray[np.float32], thickness: float) -> NDArray[np.float32]:
    """(H, W) float32 mm of tissue in the beam: plane under the paddle, its free rim bulging as a half circle."""
    radius = thickness / 2
    inwards = np.clip(depth, 0, radius)
    return np.asarray(2 * np.sqrt(inwards * (2 * radius - inwards)), dtype=np.float32)


def skin_thickness(depth: NDArray[np.float32], thickness: float, skin: float) -> NDArray[np.float32]:
    """(H, W) float32 mm of skin in the beam, `skin` mm of it all around: a bright line where the beam grazes it."""
    within = tissue_thickness(np.asarray(depth - skin, dtype=np.float32), thickness - 2 * skin)
    return np.asarray(tissue_thickness(depth, thickness) - within, dtype=np.float32)


def muscle_depth(form: BreastForm, grid: Grid) -> NDArray[np.float32] | None:
    """(H, W) float32 mm within the pectoral muscle, negative outside; None on a CC view.

    Its border runs from the film's top to the chest wall, slightly convex.
    """
    if form.view == "CC":
        return None
    down = grid.y / form.muscle_height
    border = form.muscle_width * (1 - down) * (1 + 0.35 * down)
    slope = np.hypot(1.0, form.muscle_width / form.muscle_height)
    return np.asarray((border - grid.x) / slope, dtype=np.float32)


def _arc(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reach of the skin line, 1 at the nipple and 0 where it meets the chest wall: a slightly pointed half ellipse."""
    return np.asarray((1 - share**1.9) ** 0.55)


def _smooth_maximum(a: NDArray[np.float32], b: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """The larger of two distances, rounded off over `width` mm where they are equal."""
    blend = np.clip(0.5 + 0.5 * (a - b) / width, 0, 1)
    return np.asarray(b + (a - b) * blend + width * blend * (1 - blend), dtype=np.float32)
