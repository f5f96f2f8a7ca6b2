"""Whether a patch that was laid into a mammogram shows its border.

shen2021 replaces the tissue patch by the generated one (4.3) and says nothing of the border between them. Ours is the
mean absolute step across it over that of neighbours close by on the same side (`boundary.edge_steps`): 1 where no seam
can be seen. The same window on the parent image, into which nothing was inserted, says what is usual there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box
from mammo_gan.evaluation.boundary import edge_steps
from mammo_gan.evaluation.values import described
from mammo_gan.statistics.bootstrap import ratio_by_patient


@dataclass(frozen=True, slots=True)
class Seam:
    """The border of one window: grey levels from pixel to pixel. nan where there are no such pixels."""

    patient: str  # keyed hash
    across: float
    beside: float

    @property
    def ratio(self) -> float | None:
        """None where the window fills the image, or lies in tissue of one grey value."""
        return self.across / self.beside if np.isfinite(self.across) and self.beside > 0 else None


def measure_seam(image: NDArray[Any], window: Box, patient: str, band: int) -> Seam:
    """The seam of a window on an image (H, W); the image's own border is none.

    Args:
        band: px on either side of the window's border that it is compared with.
    """
    top, left = max(0, window.y0 - band), max(0, window.x0 - band)
    around = image[top : window.y1 + band, left : window.x1 + band].astype(np.float64)
    inside = np.zeros(around.shape, dtype=bool)
    inside[window.y0 - top : window.y1 - top, window.x0 - left : window.x1 - left] = True
    return Seam(patient, *edge_steps(around, inside, band))


def seam_values(
    inserted: Sequence[Seam], parents: Sequence[Seam], *, band: int, seed: int, resamples: int = 1000
) -> list[dict[str, Any]]:
    """Means over insertions of the step across the border over steps beside it, of their parents, and the worst.

    Args:
        inserted: a seam of each insertion.
        parents: those of the same windows on the parent images; may be empty.
        resamples: of patients, for the intervals.
    """
    values = [
        _overall(name, label, seams, band, np.random.default_rng(seed), resamples)
        for name, label, seams in (
            ("inserted", "with the insertion", inserted),
            ("parent", "the same windows without it", parents),
        )
    ]
    ratios = [ratio for seam in inserted if (ratio := seam.ratio) is not None]
    worst = described(
        f"seam/{band}px/worst",
        "step across a patch's border over steps beside it: the insertion that shows it most",
        max(ratios, default=None),
        n=len(ratios),
        note="1 = no seam" if ratios else "no window with tissue around it",
    )
    return [*values, worst]


def _overall(
    name: str, label: str, seams: Sequence[Seam], band: int, rng: np.random.Generator, resamples: int
) -> dict[str, Any]:
    measured = [(seam.patient, seam.ratio) for seam in seams if seam.ratio is not None]
    patients, ratios = [patient for patient, _ in measured], [ratio for _, ratio in measured]
    return described(
        f"seam/{band}px/{name}",
        f"step across a patch's border over steps beside it: {label}",
        sum(ratios) / len(ratios) if ratios else None,
        n=len(ratios),
        interval=ratio_by_patient(ratios, np.ones(len(ratios)), patients, rng, resamples) if ratios else None,
        note=f"1 = no seam; {len(set(patients))} patients" if ratios else "no window with tissue around it",
    )
