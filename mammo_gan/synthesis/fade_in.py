"""How images of the same noise grew through the stages (korkinof2019_mammogan, Figure 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from mammo_gan.synthesis.frames import Frame, frame_of


def fade_in(
    generator: Any, z: Tensor, encoded: Tensor | None, growth: Iterable[tuple[int, float]], height: int
) -> Iterator[Frame]:
    """A frame for each stage and alpha, of the finished generator.

    It has kept a layer to grey of every stage, so it can draw at each. What a coarse stage shows is not what was seen
    when that was the finest: its blocks have been trained on since, as the first part of larger networks, while its
    layer to grey has been left as it was when the next stage had faded in. So brightness and contrast of coarse stages
    may be off. What is seen is where the finished generator settles what, outlines first and texture last.

    Args:
        generator, z, encoded, height: see `frame_of`.
        growth: stage and alpha of each frame. While a stage is stable its frame is drawn once.
    """
    drawn_at: tuple[int, float] | None = None
    for stage, alpha in growth:
        if (stage, alpha) != drawn_at:
            frame = frame_of(generator, z, encoded, stage=stage, alpha=alpha, height=height)
            drawn_at = stage, alpha
        yield frame
