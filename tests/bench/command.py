"""The project's own command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]


def run_command(*arguments: str, **environment: str) -> None:
    """Run `python -m mammo_gan.run` silently.

    Raises:
        RuntimeError: it failed; the last line that it wrote stands in the text.
    """
    process = subprocess.run(
        [sys.executable, "-m", "mammo_gan.run", *arguments],
        cwd=_CHECKOUT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        lines = (process.stderr or process.stdout).strip().splitlines()
        raise RuntimeError(f"exit code {process.returncode}: {lines[-1] if lines else 'no output'}")
