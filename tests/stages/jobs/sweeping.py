"""Sweeps: command lines, and what they left behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SETTINGS = ("experiment=cigan_ddsm", "scale=smoke", "source=phantom", "weights=random", "logger=csv", "trainer=cpu")


def command(output: Path, *overrides: str) -> list[str]:
    """A sweep at scale=smoke on phantoms, with results in `output`."""
    return [sys.executable, "-m", "mammo_gan.run", "-m", *SETTINGS, f"paths.output={output}", *overrides]


def latest(output: Path) -> list[dict[str, Any]]:
    """The jobs of the sweep that began last, by number."""
    folder = max((output / "sweeps" / "cigan_ddsm").iterdir())
    jobs: list[dict[str, Any]] = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    return jobs


def states(output: Path) -> list[str]:
    """Of the jobs of the sweep that began last."""
    return [job["state"] for job in latest(output)]


def records(output: Path) -> list[dict[str, Any]]:
    """Of all jobs that are done."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((output / "jobs").glob("*.json"))]
