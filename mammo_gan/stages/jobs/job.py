"""A job: what Hydra calls with a composed configuration, alone or as one of a sweep."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mammo_gan.errors import UserError
from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.stages.jobs import full_disk, job_state, launchers, requeue, sweep
from mammo_gan.stages.jobs.job_state import JobState
from mammo_gan.stages.screen import Screen


def run(cfg: DictConfig) -> None:
    """Run an experiment.

    Alone, it ends the process when it can't go on: with 2 or 3 and one line on bad input, with 128 + signal when it was
    told to end. As one of a sweep it says what went wrong, leaves its state in its run folder, and the others go on.
    """
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        _one_of_many(cfg, hydra)
        return
    screen, interruption = Screen(), Interruption()
    try:
        with interruption:
            _experiment(cfg, hydra, screen, interruption, again=True)
    except UserError as error:
        refuse(error)
    except Interrupted as interrupted:
        _stopped(interrupted, interruption, screen)
        sys.exit(interrupted.exit_code)


def refuse(error: UserError) -> NoReturn:
    """End with one line that says what to do."""
    print(f"mammo_gan: {error}", file=sys.stderr, flush=True)
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        raise error
    sys.exit(error.exit_code)


def _one_of_many(cfg: DictConfig, hydra: HydraConf) -> None:
    folder, number, start = Path(hydra.runtime.output_dir), hydra.job.num, time.monotonic()
    here = sweep.is_led_here()
    if not here:
        _outlive_signals()
    screen, interruption = Screen() if here else Screen.of_job(number), Interruption()
    state = JobState(number=number, overrides=list(hydra.overrides.task), run_folder=str(folder), pid=os.getpid())
    try:
        with interruption:
            job_state.write(folder, state)
            if sweep.was_ended(Path(hydra.sweep.dir)):  # whoever ends a sweep says so before looking for running jobs
                state = replace(state, state=job_state.NOT_BEGUN)
                return
            earlier = _experiment(cfg, hydra, screen, interruption, again=False)
        state = replace(state, state=job_state.DONE, exit_code=0)
        if earlier is not None:
            state = replace(state, state=job_state.ALREADY_DONE, run_folder=str(earlier))
            screen.say(f"already done: {earlier}")
    except Interrupted as interrupted:
        state = replace(state, state=job_state.INTERRUPTED, exit_code=interrupted.exit_code)
        if launchers.of(hydra) is launchers.WORKERS:  # their leader sees to the whole sweep
            screen.say(f"stopped by {interrupted.signal.name}")
            return
        _stopped(interrupted, interruption, screen)
        if here:
            raise
    except (Exception, SystemExit) as error:
        state = _failed(state, error)
        print(f"\njob {number} failed: {' '.join(state.overrides)}\n{state.traceback}", file=sys.stderr, flush=True)
    finally:
        if state.state != job_state.NOT_BEGUN:
            state = replace(state, seconds=round(time.monotonic() - start, 3))
        job_state.write(folder, state)


def _experiment(
    cfg: DictConfig, hydra: HydraConf, screen: Screen, interruption: Interruption, again: bool
) -> Path | None:
    """Run the stages and keep the record.

    Args:
        again: also if a job that did the same has left its record.

    Returns:
        That job's run folder, if this one was left out for it.
    """
    output, folder, overrides = Path(cfg.paths.output), Path(hydra.runtime.output_dir), list(hydra.overrides.task)
    try:
        from mammo_gan.stages import experiment  # imports torch, which takes seconds
        from mammo_gan.stages.jobs import once

        planned = experiment.plan(cfg, folder)
        job = once.Once(output, [planned[name] for name in experiment.chosen(cfg)])
        with job.alone(screen):
            earlier = job.run_folder()
            if earlier is not None and not again:
                return earlier
            start = time.monotonic()
            experiment.run(cfg, folder, overrides, screen, interruption, planned)
            job.keep(folder, overrides, time.monotonic() - start)
            return None
    except Exception as error:
        told = full_disk.explain(error, output)
        if told is None:
            raise
        raise told from error


def _stopped(interrupted: Interrupted, interruption: Interruption, screen: Screen) -> None:
    screen.say(f"stopped by {interrupted.signal.name}; the same command goes on from here")
    said = requeue.after(interrupted, interruption)
    if said is not None:
        screen.say(said)


def _failed(state: JobState, error: BaseException) -> JobState:
    if isinstance(error, UserError):
        said, code = f"mammo_gan: {error}", error.exit_code
    else:
        said, code = "".join(traceback.format_exception(error)).rstrip(), 1
    last = str(error) if isinstance(error, UserError) else said.splitlines()[-1]
    return replace(state, state=job_state.FAILED, error=last, traceback=said, exit_code=code)


def _outlive_signals() -> None:
    """In a process that runs one job after another, a signal that comes late for a job must not end the process.

    Whoever started it ends it. During a job its own handlers stand in front of this.
    """
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        number = signal.Signals.__members__.get(name)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, signal.SIG_IGN)
