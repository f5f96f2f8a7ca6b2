"""Do drawn masks have the shapes of real ones? Area, eccentricity and solidity, real against synthetic.

shen2021_trilabel draws masks by a DCGAN (3.2) and doesn't judge them. Ours are judged as they are used, after clean-up:
by how many it left, and by the distances of three numbers' distributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.sample_comparison import compare_samples
from mammo_gan.evaluation.values import described
from mammo_gan.imaging.mask_shapes import Shapes, shapes
from mammo_gan.synthesis.layout import write_table

SHAPES = "mask_shapes.csv"


def compare_masks(
    synthetic: NDArray[np.bool_],
    real: NDArray[np.bool_],
    patients: Sequence[str],
    refused: int,
    folder: Path,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> list[dict[str, Any]]:
    """`mask_usable`, and `mask_shift/NUMBER` in SD and `mask_gap/NUMBER` in [0, 1] as `compare_samples` has them.

    Writes to `folder` mask_shapes.csv, a row for each mask.

    Args:
        synthetic, real: (M, H, W) and (N, H, W), in frames of one kind, one lesion each.
        patients: (N,), whose the real masks are, as keyed hashes.
        refused: masks that were drawn beside the synthetic ones and of which clean-up left nothing.

    Raises:
        ValueError: if the frames differ in size, or there isn't one patient per real mask.
    """
    if synthetic.shape[1:] != real.shape[1:]:
        raise ValueError(f"expected frames of one size, got {synthetic.shape[1:]} and {real.shape[1:]}")
    made, found = shapes(synthetic), shapes(real)
    distances = compare_samples(
        found._asdict(), made._asdict(), patients, rng, resamples, prefix="mask", things="masks"
    )
    _write_shapes(folder / SHAPES, {"real": found, "synthetic": made})
    return [_usable(len(synthetic), refused), *distances]


def _usable(kept: int, refused: int) -> dict[str, Any]:
    drawn = kept + refused
    return described(
        "mask_usable",
        "share of the drawn masks that clean-up leaves a lesion of",
        kept / drawn if drawn else None,
        n=drawn,
        note=f"{kept:,} of {drawn:,}" if drawn else "no mask was drawn",
    )


def _write_shapes(path: Path, sets: dict[str, Shapes]) -> None:
    rows = []
    for origin, found in sets.items():
        for row in zip(*found, strict=True):
            values = dict(zip(Shapes._fields, (f"{value:.7g}" for value in row), strict=True))
            rows.append({"set": origin, "label": "masks", **values})
    write_table(path, ("set", "label", *Shapes._fields), rows)
