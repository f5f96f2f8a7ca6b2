"""`python -m tests.bench`: measure, print a table, keep JSON. Exits with 1 where something is at fault."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from mammo_gan.stages import run_folder
from tests.bench.runner import Benchmark, Outcome, measure
from tests.bench.table import table

# Each is a module of this folder with `benchmarks(scratch, quick) -> Iterator[Benchmark]`, imported only when it is
# run. A benchmark is measured before the next is asked for. A module whose outcomes want another form than the common
# table has a `table(outcomes)` of its own.
NAMES = (
    "training_step",
    "dcgan_step",
    "mammogan_step",
    "mammogan_hours",
    "ablation",
    "convolutions",
    "processes",
    "first_step",
    "phantom",
    "patches",
    "batches",
    "algorithm1",
    "preparation",
    "tsne",
    "frechet",
    "swd",
    "help",
)


def main() -> int:
    """Measure what is asked for, one benchmark after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this alone; may be given repeatedly")
    parser.add_argument("--match", default="", help="measure only what has this in its name, e.g. ', 8x8 px'")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks: a look, not a figure to quote")
    parser.add_argument("--json", type=Path, default=Path("outputs/bench.json"), help="where the figures are kept")
    arguments = parser.parse_args()
    console = Console()
    load = os.getloadavg()[0]
    outcomes: list[Outcome] = []
    broken: dict[str, str] = {}
    for name in arguments.only or NAMES:
        measured: list[Outcome] = []
        module = importlib.import_module(f"tests.bench.{name}")
        with tempfile.TemporaryDirectory(prefix="mammo-gan-bench-") as scratch, console.status(name):
            try:
                chosen = _named(arguments.match, module.benchmarks(Path(scratch), arguments.quick))
                measured.extend(map(measure, chosen))  # keeps what it has
            except Exception as error:  # one that breaks must not hide the others
                broken[name] = f"{type(error).__name__}: {error}"
        if measured:
            _show(console, getattr(module, "table", table)(measured), measured)
        outcomes += measured
    for name, broke in broken.items():
        _say(console, f"not measured: {name}: {broke}")
    _keep(arguments.json, outcomes, broken, arguments.quick, load)
    console.print(f"figures kept in {arguments.json}", markup=False, highlight=False)
    return 1 if broken or any(outcome.fault for outcome in outcomes) else 0


def _named(part: str, benchmarks: Iterable[Benchmark]) -> Iterator[Benchmark]:
    return (benchmark for benchmark in benchmarks if part in benchmark.name)


def _show(console: Console, shown: Table, outcomes: list[Outcome]) -> None:
    console.print(shown)
    for outcome in outcomes:
        for arm, reason in outcome.left_out.items():
            _say(console, f"left out: {outcome.name}: {arm}: {reason}")
        if outcome.fault:
            _say(console, f"fault: {outcome.fault}")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _keep(path: Path, outcomes: list[Outcome], broken: dict[str, str], quick: bool, load: float) -> None:
    kept = {
        "quick": quick,
        "commit": run_folder.git_commit(),
        "versions": run_folder.versions(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_before": load,  # of a minute: other work on the machine shows here
            "load": os.getloadavg()[0],
            "threads": torch.get_num_threads(),
        },
        "outcomes": [asdict(outcome) for outcome in outcomes],
        "broken": broken,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
