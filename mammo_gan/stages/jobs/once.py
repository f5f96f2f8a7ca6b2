"""What a job did is not done again: its key, its record, its lock.

A job is a run of some stages with some settings, alone or as one of a sweep. Its record is written after everything
else, so a job is done or it is not.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mammo_gan.stages.experiment import Instance
from mammo_gan.stages.jobs import job_state
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import are_there, is_whole, plain, write_json

RECORDS = "jobs"


class Once:
    """A job that is done once, whoever asks for it: other jobs of a sweep, other sweeps, other runs.

    Args:
        output: where results go; the record is in `jobs/` there.
        stages: those that the job runs, in order.
    """

    def __init__(self, output: Path, stages: Sequence[Instance]) -> None:
        self.output = output
        self.stages = list(stages)
        self.key = key(stages)
        self.record = output / RECORDS / f"{self.key}.json"

    def run_folder(self) -> Path | None:
        """Of the run that did this job, if everything that it made is still there."""
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            folder, files = self.output / record["run_folder"], record["files"]
        except (OSError, ValueError, KeyError):
            return None
        stages = [stage.folder for stage in self.stages if stage.stage.shared]
        return folder if are_there(folder, files) and all(map(is_whole, stages)) else None

    @contextmanager
    def alone(self, screen: Screen) -> Iterator[None]:
        """Wait until nobody else does this job. The lock is the system's: that of a process that died is free."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.record.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            screen.say("another run does the same job, waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def keep(self, run_folder: Path, overrides: Sequence[str], seconds: float) -> None:
        """Write down that the job is done."""
        made = (path for path in sorted(run_folder.iterdir()) if path.is_file() and _is_result(path))
        write_json(
            self.record,
            {
                "key": self.key,
                "overrides": list(overrides),
                "run_folder": os.path.relpath(run_folder, self.output),  # both may be moved together
                "files": {path.name: path.stat().st_size for path in made},
                "seconds": round(seconds, 3),
                "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            },
        )


def key(stages: Sequence[Instance]) -> str:
    """16 hex digits that change whenever a stage's output or what the run folder gets would."""
    parts = [[stage.name, stage.key, {} if stage.stage.shared else plain(stage.stage.unkeyed)] for stage in stages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _is_result(path: Path) -> bool:
    """Logs and the job's state may still grow or change."""
    return path.suffix != ".log" and path.name != job_state.FILE
