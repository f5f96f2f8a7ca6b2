"""Sample grids over training."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_BYTES = 6_000_000  # of all frames together


@dataclass(frozen=True, slots=True)
class Frame:
    """The grid of samples after some iterations, as PNG."""

    iteration: int
    png: bytes
    width: int  # px
    height: int


def training_progress(samples: Path, count: int = 4, limit: int = _BYTES) -> tuple[Frame, ...]:
    """A few grids of `samples/{iteration:07d}.png`, evenly spread, the first and the last among them.

    Fewer than `count` come back where there are fewer, or where their files would take more than `limit` bytes; the
    last always does. An absent folder gives none. The pixels are those of the files.
    """
    paths = sorted((path for path in samples.glob("*.png") if path.stem.isdigit()), key=lambda path: int(path.stem))
    frames: tuple[Frame, ...] = ()
    for wanted in range(min(count, len(paths)), 0, -1):
        frames = tuple(_frame(path) for path in _spread(paths, wanted))
        if sum(len(frame.png) for frame in frames) <= limit:
            break
    return frames


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    if count == 1:
        return [paths[-1]]
    return [paths[round(position)] for position in np.linspace(0, len(paths) - 1, count)]


def _frame(path: Path) -> Frame:
    with Image.open(path) as image, io.BytesIO() as buffer:
        image.save(buffer, "png", optimize=True)
        return Frame(int(path.stem), buffer.getvalue(), image.width, image.height)
