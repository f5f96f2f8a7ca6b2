"""The sliced Wasserstein distance: ours against NumPy on three channels, as the original has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from mammo_gan.statistics.sliced_wasserstein import Descriptors, sliced_wasserstein
from tests.bench.runner import Benchmark
from tests.statistics.plain_swd import plain_swd

IMAGES, QUICK_IMAGES = 2048, 96
SIZE = 128
BATCH = 64
GOAL = 5.0  # times the plain form

Images = np.ndarray
Distances = Callable[[Images, Images], list[float]]


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Both sets anew, from images to the distance at each level."""
    del scratch
    count = QUICK_IMAGES if quick else IMAGES
    real, synthetic = _textures(count, 3.0, 0), _textures(count, 2.5, 1)
    ways: dict[str, Distances] = {"ours": _ours, "three channels in NumPy": _plain}
    found = {name: way(real, synthetic) for name, way in ways.items()}
    if not np.allclose(found["ours"], found["three channels in NumPy"], rtol=0.01):
        raise ValueError(f"the distances differ: {found}")
    yield Benchmark(
        name=f"sliced Wasserstein distance, {count} images of {SIZE}x{SIZE} a set",
        unit="images/s",
        arms={name: _block(way, real, synthetic) for name, way in ways.items()},
        blocks=2 if quick else 3,
        floor=1.0 if quick else GOAL,
    )


def _textures(count: int, blur: float, seed: int) -> Images:
    """(N, SIZE, SIZE) float32 in [0, 255]."""
    noise = np.random.default_rng(seed).standard_normal((count, SIZE, SIZE), dtype=np.float32)
    smooth = ndimage.gaussian_filter(noise, (0, blur, blur))
    return np.asarray(np.clip(128 + 30 * smooth / smooth.std() + 2 * noise, 0, 255))


def _ours(real: Images, synthetic: Images) -> list[float]:
    sets = Descriptors(np.random.default_rng(1)), Descriptors(np.random.default_rng(2))
    for descriptors, images in zip(sets, (real, synthetic), strict=True):
        for start in range(0, len(images), BATCH):
            descriptors.add(images[start : start + BATCH])
    distances: list[float] = sliced_wasserstein(sets[0].parts, sets[1].parts, np.random.default_rng(3)).tolist()
    return distances


def _plain(real: Images, synthetic: Images) -> list[float]:
    return plain_swd(real, synthetic, *(np.random.default_rng(seed) for seed in (1, 2, 3)))


def _block(way: Distances, real: Images, synthetic: Images) -> Callable[[], float]:
    def block() -> float:
        start = time.perf_counter()
        way(real, synthetic)
        return 2 * len(real) / (time.perf_counter() - start)

    return block
