"""Processes that load batches: what they do with signals that are meant for the training.

Ctrl-C goes to all processes of a terminal's group, and a scheduler that ends a job tells every process of it. The
training then wants to write a checkpoint, after an iteration that may need the workers still.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

LOOK_AFTER = 1.0  # s between two looks whether the parent still lives


def ignore_signals(worker: int) -> None:
    """`worker_init_fn` of a DataLoader: a signal ends the worker only if it is a SIGTERM of its own training process.

    It ends when the loader tells it to, and by itself when its training process is gone, however that ended.
    """
    for name in ("SIGINT", "SIGUSR1", "SIGUSR2"):
        if number := signal.Signals.__members__.get(name):  # Windows has fewer
            signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "sigtimedwait"):  # not on macOS, where SIGTERM stays what it was
        # Blocked, it waits for the thread, which learns who has sent it; a handler doesn't.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        training = multiprocessing.parent_process()
        threading.Thread(target=_end_with, args=(training and training.pid, os.getppid()), daemon=True).start()


def _end_with(training: int | None, parent: int) -> None:
    """End this process when `training` says so or `parent` is gone. They are two where a server starts the workers."""
    while os.getppid() == parent:
        received = signal.sigtimedwait([signal.SIGTERM], LOOK_AFTER)
        # The loader and Python itself end workers that are left over so, and then wait for them.
        if received is not None and received.si_pid in (training, parent):
            break
    os._exit(0)
