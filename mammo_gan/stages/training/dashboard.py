"""W&B beside a training that neither waits for it nor ends with it."""

from __future__ import annotations

import math
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from mammo_gan.callbacks.metrics_csv import LEFT_OUT
from mammo_gan.stages.training import wandb_service
from mammo_gan.stages.training.wandb_parts import Parts

if TYPE_CHECKING:
    from wandb import Run

ROWS_WAITING = 10_000  # W&B takes thousands a second, so more are waiting only if it hangs
ROWS_KEPT = 1000  # to be given again if W&B's process dies; it has rows of a second or two that are in no file yet
RESTARTS = 3


class BackgroundWandbLogger(WandbLogger):
    """Hands rows to W&B from a thread of its own; whatever happens there is a line on the screen and nothing more.

    W&B keeps what it is given in a file of its own, sent at once or later. If W&B can't be reached at the start,
    the run is kept offline. If W&B's process dies or hangs, another is started and goes on with the same run, from
    the last row that the one before has kept. What W&B doesn't get is in metrics.csv.

    A row's step is its iteration, and steps only grow: iterations that a training repeats, from its checkpoint to the
    moment it was cut off, aren't logged again.

    Args:
        open_run: opens the run, online or offline; may raise anything.
        parts: which parts the run has.
        online: whether to try it online; a run with parts that W&B doesn't have yet stays offline.
        wait: seconds for W&B to answer, at the start and at the end.
        say: puts a line on the screen.
    """

    def __init__(
        self, open_run: Callable[[bool], Run], parts: Parts, online: bool, wait: float, say: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._open_run, self._parts, self._online, self._wait, self._say = open_run, parts, online, wait, say
        self._run: Any = None
        self._url: str | None = None  # once all is sent
        self._rows: queue.Queue[tuple[int, dict[str, Any]] | None] = queue.Queue(ROWS_WAITING)
        self._recent: deque[tuple[int, dict[str, Any]]] = deque(maxlen=ROWS_KEPT)
        self._next = 0  # no row of an iteration before this one is logged
        self._since = math.inf  # when the call to W&B began that is under way
        self._restarts = 0
        self._exit_code = 0
        self._ended = self._overrun = self._without_pictures = False
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._thread.start()
        self._opened.wait(wait + wandb_service.GRACE)

    @property
    def experiment(self) -> Any:
        """The run of the moment; None if W&B couldn't be started."""
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """The run has had its settings from the start."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        if self._ended:
            return
        iteration = int(metrics.get("iteration", step or 0))
        row = {name: value for name, value in metrics.items() if name not in LEFT_OUT}
        try:
            self._rows.put_nowait((iteration, row))
        except queue.Full:
            if not self._overrun:
                self._overrun = True
                self._say(f"W&B: too slow at iteration {iteration}, so it doesn't get all rows; metrics.csv does")
            if time.monotonic() - self._since > self._wait:
                wandb_service.kill()  # it hangs; the thread notices and starts another

    def finish(self) -> None:
        """Close the run, within `wait` and some seconds, and say where it is."""
        if self._ended:
            return
        self._ended, self._exit_code = True, int(sys.exc_info()[0] is not None)
        with suppress(queue.Full):
            self._rows.put_nowait(None)  # wakes the thread
        self._thread.join(self._wait + wandb_service.GRACE)
        if self._thread.is_alive():
            wandb_service.kill()  # what it has not taken goes to another one
            self._thread.join(wandb_service.GRACE)
        if self._thread.is_alive():
            self._say("W&B: given up, it doesn't answer; metrics.csv has all rows")
            return
        if self._url is not None:
            self._say(f"W&B: {self._url}")
            return
        with suppress(OSError):
            if (kept := self._parts.last_step()) < self._next - 1:
                rows = f"ends at iteration {kept}" if kept >= 0 else "has no rows"
                self._say(f"W&B: its file {rows}, as on a full disk; metrics.csv has all")
            if (command := self._parts.command()) is not None:
                self._say(f"W&B: the run is kept offline; this sends it: {command}")

    def _work(self) -> None:
        self._open()
        self._opened.set()
        while not (self._ended and self._rows.empty()):
            item = self._rows.get()
            if item is not None and self._run is not None:
                self._log(*item)
        if self._run is not None:
            self._close()

    def _open(self) -> None:
        self._run = None
        while self._run is None:
            try:
                if self._online and self._parts.behind():
                    self._online = False
                    self._say("W&B: earlier parts of the run aren't sent yet, so this one is kept offline, too")
                run = self._open_run(self._online)
                part = Path(run.dir).parent
                self._next = run.step if self._online else self._parts.last_step() + 1
                if self._online:
                    self._parts.begun_online(part, self._next)
                else:
                    self._parts.begun_offline(part)
                self._run = run
            except Exception as error:
                wandb_service.end(at_once=True)
                if not self._online:
                    self._say(f"W&B: nothing is logged there ({_reason(error)}); metrics.csv goes on")
                    return
                self._online = False
                self._say(f"W&B: the run can't be opened there ({_reason(error)}); it is kept offline")

    def _log(self, iteration: int, row: dict[str, Any]) -> None:
        if iteration < self._next:
            return
        numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
        self._recent.append((iteration, numbers))
        self._since = time.monotonic()
        try:
            self._give(iteration, row)
        except Exception as error:
            try:
                if len(numbers) == len(row):
                    raise
                self._give(iteration, numbers)
                if not self._without_pictures:
                    self._without_pictures = True
                    self._say(f"W&B: pictures are missing from iteration {iteration} on ({_reason(error)})")
            except Exception:
                self._restart(iteration, error)
        finally:
            self._since = math.inf

    def _give(self, iteration: int, row: dict[str, Any]) -> None:
        self._run.log(row, step=iteration)
        self._next = iteration

    def _restart(self, iteration: int, error: Exception) -> None:
        wandb_service.end(at_once=True)
        self._restarts += 1
        if self._restarts > RESTARTS:
            self._run = None
            self._say(f"W&B: logging ends at iteration {iteration} ({_reason(error)}); metrics.csv goes on")
            return
        self._say(f"W&B: its process was lost at iteration {iteration} ({_reason(error)}) and is started again")
        self._open()
        again = list(self._recent)
        self._recent.clear()
        for item in again:
            if self._run is not None:
                self._log(*item)

    def _close(self) -> None:
        url = self._run.url
        sent = False
        try:
            self._run.finish(exit_code=self._exit_code)
            sent = self._online
        except TimeoutError:  # the network's; all is in the file
            self._say(f"W&B: not all of the run could be sent within {self._wait:g} s")
        except Exception as error:
            self._restart(self._next, error)
            if self._run is not None:
                self._close()
            return
        wandb_service.end()
        if self._online:
            with suppress(OSError):
                self._parts.ended_online(self._next, sent)
        self._url = url if sent else None


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = said.strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
