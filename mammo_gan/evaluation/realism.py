"""Real and synthetic patches to look at side by side (alyafi2020, 5.3, Figure 3; alyafi2019, 9.1, Figure 12)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from mammo_gan.evaluation.drawing import Images, draw

GROUPS = ("real", "synthetic")


def write_sample(groups: Mapping[str, Images], count: int, folder: Path, seed: int) -> dict[str, int]:
    """Write `count` patches of each group, or all where there are fewer, drawn at random and unselected.

    `folder` gets `real_{k:03d}.png` and `synthetic_{k:03d}.png`, 8-bit grey, each patch's [0, 1] as 0 to 255.

    Returns:
        How many there are of each group.

    Raises:
        UserError: a group isn't there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw(groups, dict.fromkeys(GROUPS, count), {}, seed)
    for name, group in drawn.items():
        for k, image in enumerate(np.rint(group.images * 255).astype(np.uint8)):
            Image.fromarray(image).save(folder / f"{name}_{k:03d}.png")
    return {name: len(group) for name, group in drawn.items()}
