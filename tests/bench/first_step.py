"""Seconds from the command to the end of the first training step, everything before it made anew."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from tests.bench.command import run_command
from tests.bench.runner import Benchmark


def benchmark(scratch: Path, quick: bool) -> Benchmark:
    """The smoke scale in a process and an output folder of its own: phantom, index and patches are part of it."""
    output = scratch / "outputs"

    def block() -> float:
        start = time.time()
        run_command(
            "experiment=cigan_ddsm",
            "source=phantom",
            "scale=smoke",
            "weights=random",
            "logger=csv",
            "stages=[index,prepare/patches,train/infill]",
            MAMMO_GAN_OUTPUT=str(output),
        )
        (training,) = output.glob("stages/train-infill/*/training.json")
        first_step_at = float(json.loads(training.read_text(encoding="utf-8"))["first_step_at"])
        shutil.rmtree(output)
        return first_step_at - start

    return Benchmark(name="first step", unit="s", arms={"command to first step": block}, blocks=2 if quick else 5)
