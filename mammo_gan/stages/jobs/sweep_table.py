"""All jobs of a sweep in one table, and in jobs.json in its folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from mammo_gan.files import write_text
from mammo_gan.stages.jobs.job_state import JobState
from mammo_gan.stages.screen import Screen

FILE = "jobs.json"


def write(folder: Path, states: Sequence[JobState]) -> None:
    """Write jobs.json. A full disk must not hide the table on screen, so that is not raised."""
    with suppress(OSError):
        content = [asdict(state) for state in states]
        write_text(folder / FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def show(screen: Screen, folder: Path, states: Sequence[JobState]) -> None:
    """Each job with what sets it apart, its state, its time, and its run folder or why it has none."""
    shared = set.intersection(*(set(state.overrides) for state in states)) if len(states) > 1 else set()
    rows = [
        (
            state.number,
            " ".join(override for override in state.overrides if override not in shared),
            state.state,
            duration(state.seconds),
            _shown(state.run_folder) if state.is_done else state.error or "",
        )
        for state in states
    ]
    screen.say("")
    screen.table(f"jobs of {_shown(str(folder))}", ("job", "settings", "state", "time", "run folder, or why not"), rows)
    counts = Counter(state.state for state in states)
    screen.say(f"{len(states)} jobs: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    if not all(state.is_done for state in states):
        screen.say("The same command goes on with what is missing.")


def duration(seconds: float | None) -> str:
    """As 8.1 s or 1:02:03; nothing if unknown."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _shown(path: str | None) -> str:
    """A path from here, if it is below."""
    if path is None:
        return ""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
