"""Seconds of `python -m mammo_gan.run --help`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.bench.runner import Benchmark


def benchmark(scratch: Path, quick: bool) -> Benchmark:
    """A process of its own each time, files in the system's cache."""

    def block() -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mammo_gan.run", "--help"], check=True, capture_output=True, cwd=Path(__file__).parents[2]
        )
        return time.perf_counter() - start

    return Benchmark(name="--help", unit="s", arms={"command to last line": block}, blocks=3 if quick else 9)
