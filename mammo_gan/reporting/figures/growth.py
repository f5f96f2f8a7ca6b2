"""What a progressive generator drew at each resolution (korkinof2019_mammogan, Figure 1)."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mammo_gan.errors import UserError

_LONGEST = 560  # px of a picture; a larger one is made smaller


@dataclass(frozen=True, slots=True)
class Growth:
    """The last grid of samples of a stage, as PNG, after so many iterations."""

    stage: int
    iteration: int
    png: bytes
    width: int  # px


def last_of_each_stage(samples: Path, begun: Sequence[int]) -> tuple[Growth, ...]:
    """The last grid of each stage that has one, coarsest first; none where the folder is absent.

    Args:
        samples: a folder of {iteration:07d}.png.
        begun: iterations done when each stage begins, ascending, the first being 0.

    Raises:
        UserError: a grid is no picture.
    """
    paths = sorted((path for path in samples.glob("*.png") if path.stem.isdigit()), key=lambda path: int(path.stem))
    last = {bisect_right(begun, int(path.stem)) - 1: path for path in paths}
    return tuple(_growth(stage, path) for stage, path in last.items())


def _growth(stage: int, path: Path) -> Growth:
    try:
        with Image.open(path, formats=("PNG",)) as image, io.BytesIO() as buffer:
            grey = image.convert("L")
            grey.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BOX)
            grey.save(buffer, "png", optimize=True)
            return Growth(stage, int(path.stem), buffer.getvalue(), grey.width)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: expected a grid of samples, found {error}; run the training again") from error
