"""W&B's own process: a child of this one that writes and sends what it is given."""

from __future__ import annotations

from contextlib import suppress

import psutil

GRACE = 10.0  # seconds, for the process to start or end on a busy machine


def end(at_once: bool = False) -> None:
    """End the process when it has written all, or `at_once`; a run that is opened then gets another one."""
    import wandb

    if at_once:
        kill()
    with suppress(Exception, SystemExit):  # it raises the process's own exit code
        wandb.teardown()


def kill() -> None:
    """Kill the process; what it has written stays."""
    with suppress(psutil.Error):
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if child.name().startswith("wandb-core"):
                    child.kill()
                    child.wait(GRACE)  # its files are as they will stay
