"""A sweep from the process that leads it: the one that the user started.

Hydra runs a multirun's jobs and tells nobody which of them failed, were killed or never began. The leader learns of the
sweep through a callback, ends its jobs together when it is told to end, and shows all of them last.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.stages.jobs import job_state, launchers, requeue, sweep_table
from mammo_gan.stages.jobs.job_state import JobState
from mammo_gan.stages.jobs.launchers import Launcher
from mammo_gan.stages.jobs.sweep_watch import ENDED, Watch
from mammo_gan.stages.screen import Screen

# joblib's and submitit's errors for a job whose process was killed.
LOST = {"TerminatedWorkerError", "BrokenProcessPool", "UncompletedJobError", "FailedJobError"}

_leaders: list[_Leader] = []  # at most one: Hydra makes the callback by itself, and this is how it finds the leader


class Begun(Callback):
    """Hydra's word that a multirun begins, in the process that leads it."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        for leader in _leaders:
            leader.begin(config)


def is_led_here() -> bool:
    """Whether this process leads the sweep, so that a job in it runs in the leader itself."""
    return bool(_leaders)


def was_ended(folder: Path) -> bool:
    """Whether the leader of the sweep in `folder` was told to end: no further job begins."""
    return (folder / ENDED).exists()


@contextmanager
def followed() -> Iterator[None]:
    """Stands around Hydra's main: if that was a multirun, a table of all its jobs comes last.

    Raises:
        SystemExit: a job is not done (1), or the sweep was told to end (128 + signal).
    """
    leader = _Leader()
    _leaders.append(leader)
    met: BaseException | None = None
    try:
        with leader.around:
            yield
    except BaseException as error:
        met = error
    finally:
        _leaders.clear()
    if leader.folder is None:
        if met is not None:
            raise met
        return
    if isinstance(met, Exception):
        _say(met, leader.launcher)
    code = leader.finish(leader.folder, met)
    if code:
        sys.exit(code)


def _say(error: Exception, launcher: Launcher) -> None:
    """What ended a launcher; of a lost process there is nothing to learn from the leader's traceback."""
    if type(error).__name__ not in LOST:
        traceback.print_exception(error)
        return
    rest = ", and joblib has ended the other workers with it" if launcher is launchers.WORKERS else ""
    said = f"the process of a job was killed, or crashed{rest}. Often that is for want of memory"
    print(f"\nmammo_gan: {said}", file=sys.stderr, flush=True)


class _Leader:
    def __init__(self) -> None:
        self.folder: Path | None = None
        self.launcher: Launcher = launchers.IN_TURN
        self.jobs: list[list[str]] = []
        self.screen = Screen()
        self.interruption = Interruption()
        self.around = ExitStack()

    def begin(self, config: DictConfig) -> None:
        """Write down which jobs there will be, and stand ready to end them together."""
        os.environ["HYDRA_FULL_ERROR"] = "1"  # what ends a launcher comes here instead of being Hydra's last words
        self.folder = Path(config.hydra.sweep.dir)
        self.launcher = launchers.of(config.hydra)
        self.jobs = _jobs(config)
        (self.folder / ENDED).unlink(missing_ok=True)  # of an earlier call, if hydra.sweep.dir was given
        job_state.forget_all(self.folder)
        sweep_table.write(self.folder, self._states(self.folder))
        if self.launcher.below:
            self.around.enter_context(self.interruption)
            self.around.enter_context(self.interruption.deferred())
            self.around.enter_context(Watch(self.folder, self.interruption, self.screen, tells=not self.launcher.heard))
            self.around.callback(_wait_for_jobs)

    def finish(self, folder: Path, met: BaseException | None) -> int:
        """Show all jobs.

        Args:
            met: what ended Hydra's main, if anything did.

        Returns:
            The exit code.
        """
        states = self._states(folder)
        sweep_table.write(folder, states)
        sweep_table.show(self.screen, folder, states)
        received = self._received(met)
        if received is None:
            return int(met is not None or not all(state.is_done for state in states))
        if self.launcher is launchers.WORKERS:
            said = requeue.after(Interrupted(received), self.interruption)
            if said is not None:
                self.screen.say(said)
        return 128 + received

    def _received(self, met: BaseException | None) -> signal.Signals | None:
        if isinstance(met, Interrupted):
            return met.signal
        return signal.SIGINT if isinstance(met, KeyboardInterrupt) else self.interruption.received

    def _states(self, folder: Path) -> list[JobState]:
        """Of all jobs that were to be, also those that left nothing."""
        left = job_state.read_all(folder)
        planned = {n: JobState(number=n, overrides=job, state=job_state.NOT_BEGUN) for n, job in enumerate(self.jobs)}
        states = [state for _, state in sorted((planned | left).items())]
        return states if self.launcher is launchers.QUEUE else [_after_all(state) for state in states]


def _after_all(state: JobState) -> JobState:
    """A job that still runs when its launcher has ended does so no more."""
    if state.state != job_state.RUNNING:
        return state
    return replace(state, state=job_state.KILLED, error="its process ended without a word")


def _jobs(config: DictConfig) -> list[list[str]]:
    """Each job's overrides, in the order of their numbers; none for a sweeper that finds its jobs as it goes."""
    sweeper = config.hydra.sweeper
    if not str(sweeper._target_).endswith(f".{BasicSweeper.__name__}"):
        return []
    given = [f"{name}={value}" for name, value in (sweeper.params or {}).items()]
    parsed = OverridesParser.create().parse_overrides([*given, *config.hydra.overrides.task])
    return [list(job) for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]


def _wait_for_jobs() -> None:
    """submitit stops waiting at the first job that was killed; the others go on."""
    mine = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "submitit" in " ".join(process.cmdline()):
                mine.append(process)
    psutil.wait_procs(mine)
