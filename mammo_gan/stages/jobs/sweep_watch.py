"""Beside Hydra, which only waits for its launcher: ends the jobs together, and says how those end that nobody hears."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from mammo_gan.files import write_text
from mammo_gan.interruption import Interruption
from mammo_gan.stages.jobs import job_state, sweep_table
from mammo_gan.stages.screen import Screen

ENDED = "ended"  # a file in the sweep folder: its leader was told to end, and no further job begins


class Watch(threading.Thread):
    """Watches a sweep's folder and the leader's interruption, as a context manager.

    Args:
        folder: the sweep's.
        interruption: the leader's, which notes signals while Hydra waits.
        screen: tells each job that ended; None where jobs do so themselves.
    """

    def __init__(self, folder: Path, interruption: Interruption, screen: Screen, tells: bool) -> None:
        super().__init__(daemon=True)
        self.folder, self.interruption, self.screen, self.tells = folder, interruption, screen, tells
        self._over = threading.Event()
        self._told: set[tuple[int, str]] = set()  # a job that was interrupted may be queued again, and end again

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        ending = False
        while not self._over.wait(0.5):
            if self.interruption.received is not None and not ending:
                ending = True
                self._end_jobs(self.interruption.received)
            self._tell()
        self._tell()

    def _end_jobs(self, received: signal.Signals) -> None:
        self.screen.say(f"{received.name}: the jobs write their checkpoints and end; Ctrl-C once more doesn't wait")
        with suppress(OSError):  # a full disk
            write_text(self.folder / ENDED, received.name + "\n")
        running = {state.pid for state in job_state.read_all(self.folder).values() if state.state == job_state.RUNNING}
        for process in psutil.Process().children(recursive=True):
            if process.pid in running:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGTERM)  # for a second time where a Ctrl-C came to all of the terminal

    def _tell(self) -> None:
        if not self.tells:
            return
        for number, state in sorted(job_state.read_all(self.folder).items()):
            if state.state != job_state.RUNNING and (number, state.state) not in self._told:
                self._told.add((number, state.state))
                self.screen.say(f"job {number}: {state.state} {sweep_table.duration(state.seconds)}")
                if state.traceback is not None:
                    self.screen.say(f"{' '.join(state.overrides)}\n{state.traceback}")
