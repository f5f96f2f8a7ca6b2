"""Ten normal patches of a whole mammogram (alyafi2019, Algorithm 1): images per second, against the paper's loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.imaging.geometry import Xyxy
from mammo_gan.imaging.normal_patches import BATCH, BATCHES, COUNT, SIZE, normal_origins
from tests.bench.runner import Benchmark

HEIGHT, WIDTH = 3328, 2560  # px, a large detector of Hologic's
DEPTHS = {"wide": 1500, "narrow": 220, "very narrow": 160}  # px from the chest wall to the skin
LESIONS: list[Xyxy] = [(60, 1500, 160, 1620)]

Finder = Callable[[NDArray[np.uint8], Sequence[Xyxy], np.random.Generator], int]


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """The same images for all; an arm's name says how many patches it finds in one, on average."""
    del scratch
    finders = {"ours": _ours, "the paper's loop": _loop, "a loop made short": _short_loop}
    for name, image in _images():
        yield Benchmark(
            name=f"Algorithm 1, {name} breast",
            unit="images/s",
            arms={f"{by}: {_found(finder, image):.1f}": _block(finder, image) for by, finder in finders.items()},
            blocks=3 if quick else 9,
            floor=1.0,
        )


def _images() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Breasts that give the loop its ten, some or none; the last two have a bounding box that is of no help."""
    for name, depth in DEPTHS.items():
        yield name, _image(depth)
    across = np.abs(np.subtract.outer(np.arange(HEIGHT), np.arange(WIDTH)))
    yield "slanted", np.where(across < SIZE + 12, _image(10 * WIDTH), np.uint8(0))
    speckled = _image(DEPTHS["wide"])
    speckled[np.random.default_rng(1).random(speckled.shape) < 1e-3] = 0  # 16 pixels of a patch are black
    yield "speckled", speckled


def _image(depth: int) -> NDArray[np.uint8]:
    """(H, W) uint8: a half ellipse of tissue at the left border, black beside it."""
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    inside = (x / depth) ** 2 + ((y - HEIGHT / 2) / (0.45 * HEIGHT)) ** 2 < 1
    tissue = np.random.default_rng(0).integers(1, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    return np.where(inside, tissue, np.uint8(0))


def _ours(image: NDArray[np.uint8], lesions: Sequence[Xyxy], rng: np.random.Generator) -> int:
    return len(normal_origins(image, lesions, rng))


def _loop(image: NDArray[np.uint8], lesions: Sequence[Xyxy], rng: np.random.Generator) -> int:
    """The pseudocode, but that it keeps ten: masks of 255, all patches of a batch cut out, sums over each."""
    mask, truth = np.zeros((HEIGHT, WIDTH), dtype=np.uint8), np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[image > 0] = 255
    for x0, y0, x1, y1 in lesions:
        truth[y0:y1, x0:x1] = 255
    count = tries = 0
    while count < COUNT and tries < BATCHES:
        for window in _windows(rng):
            count += bool(mask[window].sum() == 255 * SIZE**2 and truth[window].sum() == 0)
        tries += 1
    return min(count, COUNT)


def _short_loop(image: NDArray[np.uint8], lesions: Sequence[Xyxy], rng: np.random.Generator) -> int:
    """The loop as one would write it for speed: no copies, all() and any() on booleans, an end at ten."""
    mask, truth = image > 0, np.zeros(image.shape, dtype=bool)
    for x0, y0, x1, y1 in lesions:
        truth[y0:y1, x0:x1] = True
    count = 0
    for _ in range(BATCHES):
        for window in _windows(rng):
            count += bool(mask[window].all() and not truth[window].any())
            if count == COUNT:
                return count
    return count


def _windows(rng: np.random.Generator) -> list[tuple[slice, slice]]:
    rows = rng.integers(HEIGHT - SIZE + 1, size=BATCH).tolist()
    columns = rng.integers(WIDTH - SIZE + 1, size=BATCH).tolist()
    return [(slice(y, y + SIZE), slice(x, x + SIZE)) for y, x in zip(rows, columns, strict=True)]


def _found(finder: Finder, image: NDArray[np.uint8]) -> float:
    """Patches an image, on average over 20 draws."""
    return float(np.mean([finder(image, LESIONS, np.random.default_rng(seed)) for seed in range(20)]))


def _block(finder: Finder, image: NDArray[np.uint8]) -> Callable[[], float]:
    def block() -> float:
        start = time.perf_counter()
        for seed in range(20):
            finder(image, LESIONS, np.random.default_rng(seed))
        return 20 / (time.perf_counter() - start)

    return block
