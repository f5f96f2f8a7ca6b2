"""The largest memory of a process that does nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch


def in_a_process(module: str, *arguments: str) -> Callable[[], float]:
    """A block is a process, `python -m MODULE ARGUMENTS`, whose last word is its `peak`."""

    def block() -> float:
        command = [sys.executable, "-m", module, *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(said.split()[-1])

    return block


def peak(device: torch.device) -> float:
    """MiB until now: of the GPU's memory what tensors took, else the process's largest resident size (Linux)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # getrusage would tell the size of the process that started this one, where that was larger.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(status["VmHWM"].split()[0]) / 2**10
