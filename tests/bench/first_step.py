"""Seconds from the command to the end of the first training step, everything before it made anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.runner import Benchmark

COMMAND = (
    "experiment=cigan_ddsm", "source=phantom", "scale=smoke", "weights=random", "logger=csv",
    "stages=[index,prepare/patches,train/infill]",
)  # fmt: skip


def benchmark(scratch: Path, quick: bool) -> Benchmark:
    """The smoke scale in a process and an output folder of its own: phantom, index and patches are part of it."""

    def block() -> float:
        output = scratch / "outputs"
        start = time.time()
        subprocess.run(
            [sys.executable, "-m", "mammo_gan.run", *COMMAND],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "MAMMO_GAN_OUTPUT": str(output), "WANDB_MODE": "disabled"},
        )
        (training,) = output.glob("stages/train-infill/*/training.json")
        first_step_at = json.loads(training.read_text(encoding="utf-8"))["first_step_at"]
        shutil.rmtree(output)
        return float(first_step_at) - start

    return Benchmark(name="first step", unit="s", arms={"command to first step": block}, blocks=2 if quick else 5)
