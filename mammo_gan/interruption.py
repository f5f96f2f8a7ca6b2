"""Being told to end: Ctrl-C, a scheduler's SIGTERM, SLURM's SIGUSR1 before the time is up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupted(BaseException):
    """The run was told to end by `signal`. No Exception, as KeyboardInterrupt is none: it is no fault."""

    def __init__(self, received: signal.Signals) -> None:
        super().__init__(f"told to end by {received.name}")
        self.signal = received

    @property
    def exit_code(self) -> int:
        """As a shell reports a program that a signal ended."""
        return 128 + self.signal


class Interruption:
    """Catches the signals that end a run.

    They raise Interrupted at once, except within `deferred`: there the first one is only noted in `received`, for
    whoever can end at a good moment. A second Ctrl-C doesn't wait.

    Used as a context manager around a run. Only the main thread is told of signals, so elsewhere it does nothing.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._deferred = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in _signals()}
            self.claim()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            if handler is not None:  # None stands for one that wasn't installed from Python, and can't be put back
                signal.signal(number, handler)

    def claim(self) -> None:
        """Take the signals again, from a library that has put handlers of its own in between."""
        for number in self._before:
            signal.signal(number, self._note)

    def before(self, number: signal.Signals) -> Any:
        """The handler that `number` had outside; None if that was Python's or the system's own."""
        handler = self._before.get(number)
        return handler if callable(handler) and handler is not signal.default_int_handler else None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Signals are noted within; one that nobody has acted upon by the end raises Interrupted there."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.received is not None:
            raise Interrupted(self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        again = self.received is not None
        self.received = self.received or signal.Signals(number)
        if not self._deferred or (again and number == signal.SIGINT):
            raise Interrupted(signal.Signals(number))


def _signals() -> list[signal.Signals]:
    """SIGUSR2 is left alone unless somebody outside waits for it, as submitit does."""
    names = ["SIGINT", "SIGTERM", "SIGUSR1"]
    known = [signal.Signals[name] for name in names if name in signal.Signals.__members__]  # Windows has fewer
    other = signal.Signals.__members__.get("SIGUSR2")
    return [*known, other] if other is not None and callable(signal.getsignal(other)) else known
