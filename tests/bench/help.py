"""Seconds of `python -m mammo_gan.run --help`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.command import last_line, started
from tests.bench.runner import Benchmark


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """A process of its own each time, files in the system's cache."""
    log = scratch / "log.txt"

    def block() -> float:
        start = time.perf_counter()
        with started(log, "--help") as process:
            if process.wait() != 0:
                raise RuntimeError(f"--help failed: {last_line(log)}")
        return time.perf_counter() - start

    yield Benchmark(name="help", unit="s", arms={"command to end": block}, blocks=3 if quick else 9)
