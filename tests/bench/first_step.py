"""Seconds from the command to the end of the first training step, everything before it made anew."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.command import last_line, started
from tests.bench.runner import Benchmark

COMMAND = (
    "experiment=cigan_ddsm",
    "source=phantom",
    "scale=smoke",
    "weights=random",
    "logger=csv",
    "callbacks.log_every=1",
)
WATCHED_EVERY = 0.02  # s
GIVEN_UP_AFTER = 600.0  # s


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """The smoke scale in a process and an output folder of its own: phantom, index and patches are part of it.

    Seen from outside: every step is logged, so metrics.csv appears with the first. Then the run is ended.
    """
    output, log = scratch / "outputs", scratch / "log.txt"

    def block() -> float:
        shutil.rmtree(output, ignore_errors=True)
        start = time.perf_counter()
        with started(log, *COMMAND, MAMMO_GAN_OUTPUT=str(output)) as process:
            while not any(output.glob("stages/train-infill/*/metrics.csv")):
                if process.poll() is not None:
                    raise RuntimeError(f"the run ended before its first step: {last_line(log)}")
                if time.perf_counter() - start > GIVEN_UP_AFTER:
                    raise RuntimeError(f"no first step within {GIVEN_UP_AFTER:.0f} s: {last_line(log)}")
                time.sleep(WATCHED_EVERY)
            return time.perf_counter() - start

    yield Benchmark(name="first step", unit="s", arms={"command to first step": block}, blocks=2 if quick else 5)
