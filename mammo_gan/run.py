"""The entry point of every experiment: `python -m mammo_gan.run experiment=cigan_ddsm archive.root=/data/DDSM`.

Nothing here imports torch: `--help`, shell completion and the checks of the command line must answer at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mammo_gan.errors import UserError
from mammo_gan.stages import command_line, help
from mammo_gan.stages.groups import conf_folder

BAD_INPUT = 2


def main() -> None:
    """Check the command line, then hand it to Hydra. Exits with 2 on bad input, with one line that says what to do."""
    arguments = sys.argv[1:]
    if help.is_asked_for(arguments):
        print(help.text())
        return
    try:
        command_line.check(arguments)
    except UserError as error:
        _refuse(error)
    # Completion prints nothing but words, and `--cfg job` nothing but the configuration.
    hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(_run)()


def _run(cfg: DictConfig) -> None:
    from mammo_gan.stages import experiment  # imports torch, which takes seconds
    from mammo_gan.stages.screen import Screen

    job = HydraConfig.get()
    try:
        experiment.run(cfg, Path(job.runtime.output_dir), job.overrides.task, Screen())
    except UserError as error:
        _refuse(error)


def _refuse(error: UserError) -> None:
    print(f"mammo_gan: {error}", file=sys.stderr, flush=True)
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        raise error
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
