"""Whole images of a set as they are stored, in grey levels, and what is measured on each in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo_gan.data.image_store import ImageStore
from mammo_gan.statistics.level_moments import level_moments
from mammo_gan.statistics.sliced_wasserstein import Descriptors, Patches
from mammo_gan.synthesis.reading import SyntheticSet

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
Levels = NDArray[Any]  # (H, W) uint8 or uint16, 0 = black, the type's largest number = white


@dataclass(frozen=True)
class Images:
    """Images that are loaded as they are asked for, all of `size` (height, width), px."""

    count: int
    size: tuple[int, int]
    load: Callable[[int], Levels]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Levels:
        return self.load(number)


def stored(store: ImageStore, indices: Sequence[int] | NDArray[np.intp]) -> Images:
    """Those of a store at these places, in its finest size."""
    return Images(len(indices), store.sizes[0], lambda k: store.batch([int(indices[k])], store.sizes[0])[0])


def synthesised(made: SyntheticSet) -> Images:
    """All of a synthetic set, whose images are of 8 bits."""
    first = made.records[0]
    return Images(len(made), (first.height, first.width), lambda k: np.rint(255 * made.image(k)).astype(np.uint8))


class Measured(NamedTuple):
    """Of N images, in their order.

    moments: (N, 5) float64, of the grey levels as [0, 1]; nan where an image lacks one
    patches: for the sliced Wasserstein distance, an item an image; empty where they weren't asked for
    """

    moments: NDArray[np.float64]
    patches: Sequence[Patches]


def measure(
    images: Images,
    numbers: Sequence[int],
    description: str,
    progress: Progress,
    places: np.random.Generator | None = None,
) -> Measured:
    """Measure the images at `numbers`; each is read once.

    Args:
        places: where the patches lie; None = patches aren't asked for.
    """
    descriptors = None if places is None else Descriptors(places)
    rows = []
    for number in progress(numbers, len(numbers), description):
        image = images[number]
        rows.append(level_moments(image))
        if descriptors is not None:
            descriptors.add(image[None] * np.float32(255 / np.iinfo(image.dtype).max))
    moments = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    return Measured(moments, [] if descriptors is None else descriptors.parts)
