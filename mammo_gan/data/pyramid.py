"""One image in several sizes, each half the one before, as progressive training asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError

Size = tuple[int, int]  # height and width, px


def check_sizes(sizes: Sequence[Sequence[int]]) -> tuple[Size, ...]:
    """The sizes, finest first; each is the finest halved some number of times in both directions.

    Raises:
        UserError: there is none, one twice, one that isn't two whole numbers from 1, or one of another aspect.
    """
    advice = "expected heights and widths like [[1280,1024],[640,512]], each half of the one before or a half of that"
    if not sizes or any(len(size) != 2 or not all(_is_length(length) for length in size) for size in sizes):
        raise UserError(f"data.sizes={_shown(sizes)}: {advice}")
    pairs = sorted({(height, width) for height, width in sizes}, reverse=True)
    if len(pairs) < len(sizes):
        raise UserError(f"data.sizes={_shown(sizes)}: a size stands there twice; {advice}")
    finest = pairs[0]
    for height, width in pairs[1:]:
        halvings = (finest[0] // height).bit_length() - 1
        if (height << halvings, width << halvings) != finest:
            raise UserError(
                f"data.sizes={_shown(sizes)}: {height}x{width} can't be had from {finest[0]}x{finest[1]} by halving "
                f"both sides, so its pixels would be of another shape or lie elsewhere; {advice}"
            )
    return tuple(pairs)


def pyramid(finest: NDArray[Any], sizes: Sequence[Size]) -> list[NDArray[Any]]:
    """`finest` in all sizes, finest first, of its own type.

    A coarser pixel is the mean over its box of pixels of the finest image, rounded once (a half to the even
    neighbour): sums are carried down in whole numbers, so that nothing adds up from size to size.

    Args:
        finest: (H, W) uint8 or uint16, of the first size.
        sizes: as from `check_sizes`.
    """
    largest_sum = finest.size * np.iinfo(finest.dtype).max
    sums: NDArray[Any] = finest.astype(np.uint32 if largest_sum < 2**32 else np.uint64)
    pixels = 1
    images: list[NDArray[Any]] = []
    for size in sizes:
        while sums.shape[0] > size[0]:
            rows = sums[0::2] + sums[1::2]
            sums, pixels = rows[:, 0::2] + rows[:, 1::2], 4 * pixels
        # A division by a power of two is exact in float64.
        images.append(finest if pixels == 1 else np.rint(sums / np.float64(pixels)).astype(finest.dtype))
    return images


def _is_length(length: object) -> bool:
    return isinstance(length, int) and not isinstance(length, bool) and length >= 1


def _shown(sizes: Sequence[Sequence[int]]) -> str:
    return str([list(size) for size in sizes]).replace(" ", "")
