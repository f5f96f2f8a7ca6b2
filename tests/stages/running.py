"""Experiments run in this process, as the entry point runs them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from rich.console import Console

from mammo_gan.interruption import Interruption
from mammo_gan.stages import experiment
from mammo_gan.stages.command import command_line
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.screen import Screen


@dataclass(frozen=True)
class Ran:
    """What a run left: its stages' folders, its own, and the lines on the screen."""

    folders: dict[str, Path]
    run_folder: Path
    screen: str


def run(output: Path, *overrides: str, name: str = "run") -> Ran:
    """Run `overrides` at scale=smoke without dashboards, with results in `output`."""
    said = io.StringIO()
    overrides = ("experiment=cigan_ddsm", "scale=smoke", "weights=random", "logger=csv", *overrides)
    if not any(override.startswith("trainer=") for override in overrides):
        overrides = (*overrides, "trainer=cpu")
    overrides = (*overrides, f"paths.output={output}")
    command_line.check(overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        cfg = compose("config", overrides=list(overrides))
    folder = output / "runs" / name
    screen = Screen(Console(file=said, width=400, highlight=False))
    return Ran(experiment.run(cfg, folder, overrides, screen, Interruption()), folder, said.getvalue())
