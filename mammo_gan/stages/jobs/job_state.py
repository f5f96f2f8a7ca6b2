"""How a job of a sweep stands: a file in its run folder, written when it begins and when it ends."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mammo_gan.files import write_text

FILE = "job.json"

NOT_BEGUN, RUNNING, INTERRUPTED, KILLED, FAILED = "not begun", "running", "interrupted", "killed", "failed"
DONE, ALREADY_DONE = "done", "already done"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A job of a sweep.

    `run_folder` is where its results are, for a job that was already done another one's; `error` is the last line of
    `traceback`. A state of RUNNING whose process `pid` is gone means that it was killed.
    """

    number: int
    overrides: list[str]
    state: str = RUNNING
    pid: int | None = None
    seconds: float | None = None
    run_folder: str | None = None
    error: str | None = None
    traceback: str | None = None
    exit_code: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.state in (DONE, ALREADY_DONE)


def write(folder: Path, state: JobState) -> None:
    """Leave a job's state in its run folder. A full disk must not hide why a job failed, so that is not raised."""
    with suppress(OSError):
        write_text(folder / FILE, json.dumps(asdict(state), indent=2, ensure_ascii=False) + "\n")


def read_all(sweep_folder: Path) -> dict[int, JobState]:
    """The states that the jobs of a sweep left, by number."""
    return {state.number: state for state in _found(sweep_folder).values()}


def forget_all(sweep_folder: Path) -> None:
    """Remove the states of an earlier sweep in the same folder; what its jobs made stays."""
    for path in _found(sweep_folder):
        path.unlink(missing_ok=True)


def _found(sweep_folder: Path) -> dict[Path, JobState]:
    found = {}
    for path in sweep_folder.rglob(FILE):
        with suppress(OSError, ValueError, TypeError):  # somebody else's file of that name
            found[path] = JobState(**json.loads(path.read_text(encoding="utf-8")))
    return found
