"""`python -m tests.bench`: measure, print a table, keep JSON. Exits with 1 where something is at fault."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mammo_gan.stages import run_folder
from tests.bench.runner import Outcome, Summary, measure

# Each is a module of this folder with `benchmark(scratch, quick) -> Benchmark`, imported only when it is run.
NAMES = ("training_step", "first_step", "phantom", "patches", "help")


def main() -> int:
    """Measure what is asked for, one benchmark after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this alone; may be given repeatedly")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks: a look, not a figure to quote")
    parser.add_argument("--json", type=Path, default=Path("outputs/bench.json"), help="where the figures are kept")
    arguments = parser.parse_args()
    console = Console()
    outcomes: list[Outcome] = []
    broken: dict[str, str] = {}
    for name in arguments.only or NAMES:
        with tempfile.TemporaryDirectory(prefix="mammo-gan-bench-") as scratch, console.status(name):
            try:
                module = importlib.import_module(f"tests.bench.{name}")
                outcomes.append(measure(module.benchmark(Path(scratch), arguments.quick)))
            except Exception as error:  # one that breaks must not hide the others
                broken[name] = f"{type(error).__name__}: {error}"
    _show(console, outcomes, broken)
    _keep(arguments.json, outcomes, broken, arguments.quick)
    console.print(f"figures kept in {arguments.json}", markup=False, highlight=False)
    return 1 if broken or any(outcome.fault for outcome in outcomes) else 0


def _show(console: Console, outcomes: list[Outcome], broken: dict[str, str]) -> None:
    table = Table("measured", "median", "quartiles", "unit", "blocks")
    for outcome in outcomes:
        for arm, summary in outcome.arms.items():
            table.add_row(f"{outcome.name}: {arm}", *_cells(summary), outcome.unit, str(summary.blocks))
        if outcome.ratio is not None:
            first, second, *_ = outcome.arms
            table.add_row(f"{outcome.name}: {first} / {second}", *_cells(outcome.ratio), "", str(outcome.ratio.blocks))
    console.print(table)
    for line in [outcome.fault for outcome in outcomes if outcome.fault]:
        console.print(f"fault: {line}", markup=False, highlight=False, soft_wrap=True)
    for name, error in broken.items():
        console.print(f"not measured: {name}: {error}", markup=False, highlight=False, soft_wrap=True)


def _cells(summary: Summary) -> tuple[str, str]:
    return f"{summary.median:.4g}", f"{summary.low:.4g} to {summary.high:.4g}"


def _keep(path: Path, outcomes: list[Outcome], broken: dict[str, str], quick: bool) -> None:
    kept = {
        "quick": quick,
        "commit": run_folder.git_commit(),
        "versions": run_folder.versions(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],  # of the last minute: other work on the machine shows here
            "threads": os.environ.get("OMP_NUM_THREADS"),
        },
        "outcomes": [asdict(outcome) for outcome in outcomes],
        "broken": broken,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
