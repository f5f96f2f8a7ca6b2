"""Phantom images written per second, in DDSM's layout, by two processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.layouts.ddsm import DDSMLayout
from tests.bench.runner import Benchmark

HEIGHT, WIDTH = 344, 188  # px, the demo's
JOBS = 2


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Whole archives, each of other patients; the processes of the first, unmeasured one are used again."""
    patients = 4 if quick else 20
    archive = scratch / "archive"
    seeds = iter(range(1, 1000))

    def block() -> float:
        start = time.perf_counter()
        PhantomArchive(DDSMLayout())(archive, patients, HEIGHT, WIDTH, "lumisys", next(seeds), jobs=JOBS)
        seconds = time.perf_counter() - start
        images = len(list(archive.rglob("*.LJPEG")))
        shutil.rmtree(archive)
        return images / seconds

    name = f"phantom, {HEIGHT}x{WIDTH} px, {JOBS} processes"
    yield Benchmark(name=name, unit="images/s", arms={"DDSM": block}, blocks=2 if quick else 5)
