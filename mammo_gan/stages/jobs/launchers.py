"""Hydra's launchers: where the jobs of a sweep run, as seen from the process that leads it."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.conf import HydraConf


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """How a launcher runs jobs.

    below:  each in a process below the leader, which can wait for them and signal them
    heard:  jobs write to the leader's terminal
    """

    below: bool
    heard: bool


IN_TURN = Launcher(below=False, heard=True)  # in the leader's own process
WORKERS = Launcher(below=True, heard=True)
LOGGED = Launcher(below=True, heard=False)
QUEUE = Launcher(below=False, heard=False)  # a cluster's: jobs go on without the leader
_BY_NAME = {"BasicLauncher": IN_TURN, "JoblibLauncher": WORKERS, "LocalLauncher": LOGGED}


def of(hydra: HydraConf) -> Launcher:
    """The launcher that Hydra's part of a configuration names."""
    return _BY_NAME.get(str(hydra.launcher._target_).rsplit(".", 1)[-1], QUEUE)
