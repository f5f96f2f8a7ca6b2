"""Patches prepared per second from a phantom archive at the paper's size, by two processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from mammo_gan.archives import index, splits
from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.layouts.ddsm import DDSMLayout
from mammo_gan.data.prepare import PatchRecipe, prepare_patches
from tests.bench.runner import Benchmark

HEIGHT, WIDTH, SIZE = 1375, 750, 256  # px (wu2018_cigan, 3.1)
JOBS = 2


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Reading, resizing and cutting; the same films each time, so they are in the system's cache."""
    root, store = scratch / "archive", scratch / "store"
    PhantomArchive(DDSMLayout())(root, 8 if quick else 16, HEIGHT, WIDTH, "lumisys", seed=1, jobs=JOBS)
    records, _ = index.build(DDSM(), root, "phantom", JOBS)
    split_of = splits.assign(records, {"train": 1.0, "val": 0.0, "test": 0.0}, seed=1)
    recipe = PatchRecipe(
        patches_per_class=200 if quick else 1000,
        size=SIZE,
        fit_height=HEIGHT,
        fit_width=WIDTH,
        min_breast_share=0.75,
        benign_share=0.5,
        seed=1,
    )

    def block() -> float:
        start = time.perf_counter()
        summary = prepare_patches(records, DDSM(), root, store, recipe, split_of, b"key", jobs=JOBS)
        seconds = time.perf_counter() - start
        shutil.rmtree(store)
        return sum(count.patches for count in summary.classes) / seconds

    name = f"patches, {SIZE} px from {len(records)} films, {JOBS} processes"
    yield Benchmark(name=name, unit="patches/s", arms={"prepare_patches": block}, blocks=2 if quick else 5)
