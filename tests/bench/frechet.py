"""The Fréchet distance of given features (FID's mathematics): ours against scipy's sqrtm, as the original has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg

from mammo_gan.statistics.frechet import frechet_distance_of_features
from tests.bench.runner import Benchmark

FEATURES = 2048
QUICK_FEATURES = 512
IMAGES = (1000, 2000, 5000)  # of each set for 2048 features; 2,000 in alyafi2019

Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """With fewer images than features, where covariances are singular, and with more."""
    del scratch
    width = QUICK_FEATURES if quick else FEATURES
    ways: dict[str, Distance] = {
        "ours": frechet_distance_of_features,
        "scipy's sqrtm": _by_sqrtm,
        "eigenvalues of the product": _by_eigenvalues,
    }
    for images in (count * width // FEATURES for count in IMAGES):
        sets = _features(images, width)
        found = {name: way(*sets) for name, way in ways.items()}
        if not np.allclose(list(found.values()), found["ours"], rtol=1e-3):
            raise ValueError(f"the distances differ: {found}")
        yield Benchmark(
            name=f"Fréchet distance, {images} images, {width} features",
            unit="distances/min",
            arms={name: _block(way, sets) for name, way in ways.items()},
            blocks=2 if quick else 3,
            floor=1.0,
        )


def _features(images: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets whose variances fall over four orders of magnitude, as those of Inception's features."""
    rng = np.random.default_rng(0)
    mixing = np.geomspace(1, 1e-2, width)[:, None] * linalg.qr(rng.normal(size=(width, width)))[0]
    return rng.gamma(1.0, size=(images, width)) @ mixing, 1.1 * rng.gamma(1.2, size=(images, width)) @ mixing


def _by_sqrtm(f1: NDArray[np.float64], f2: NDArray[np.float64]) -> float:
    c1, c2 = np.cov(f1, rowvar=False), np.cov(f2, rowvar=False)
    root = linalg.sqrtm(c1 @ c2)
    if not np.isfinite(root).all():  # singular
        offset = 1e-6 * np.eye(len(c1))
        root = linalg.sqrtm((c1 + offset) @ (c2 + offset))
    return float(((f1.mean(0) - f2.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root.real))


def _by_eigenvalues(f1: NDArray[np.float64], f2: NDArray[np.float64]) -> float:
    c1, c2 = torch.cov(torch.from_numpy(f1).T), torch.cov(torch.from_numpy(f2).T)
    roots = torch.linalg.eigvals(c1 @ c2).sqrt().real.sum()
    return float(((f1.mean(0) - f2.mean(0)) ** 2).sum() + float(c1.trace() + c2.trace() - 2 * roots))


def _block(way: Distance, sets: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Callable[[], float]:
    def block() -> float:
        start = time.perf_counter()
        way(*sets)
        return 60 / (time.perf_counter() - start)

    return block
