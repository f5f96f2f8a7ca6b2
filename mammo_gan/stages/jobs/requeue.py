"""SLURM sends SIGUSR1 before a job's time is up: with a checkpoint written, the job asks to be queued again."""

from __future__ import annotations

import os
import signal
import subprocess

from mammo_gan.interruption import Interrupted, Interruption


def after(interrupted: Interrupted, interruption: Interruption) -> str | None:
    """Let an interrupted job go on by itself where somebody can see to that.

    A handler that the signal had before this run (submitit's, which queues its job again) is called, and may end the
    process. Otherwise SIGUSR1 within a SLURM job has it queued again by `scontrol`. SIGTERM is left alone: SLURM
    itself queues again what it preempts, and a job that was cancelled shall stay so.

    Returns:
        A line that says what was done; None if there was nothing to do.
    """
    handler = interruption.before(interrupted.signal)
    if handler is not None and interrupted.signal != signal.SIGTERM:
        handler(interrupted.signal, None)
        return "handed on to whoever started this job"
    job = _job()
    if job is None or interrupted.signal.name != "SIGUSR1":
        return None
    try:
        asked = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"SLURM job {job} could not be queued again: there is no scontrol on the PATH. Submit it again by hand"
    if asked.returncode == 0:
        return f"SLURM job {job} is queued again and will go on from here"
    said = (asked.stderr or asked.stdout).strip()
    return f"SLURM job {job} could not be queued again ({said}). Submit it with --requeue, or again by hand"


def _job() -> str | None:
    """The job's number, for a job of an array with its task's."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")
