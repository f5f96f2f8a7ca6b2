"""The entry point of every experiment: `python -m mammo_gan.run experiment=cigan_ddsm archive.root=/data/DDSM`.

Nothing here imports torch: `--help`, shell completion and the checks of the command line must answer at once.
"""

from __future__ import annotations

import os
import sys

import hydra

from mammo_gan.errors import UserError
from mammo_gan.stages.command import command_line, help
from mammo_gan.stages.command.groups import conf_folder
from mammo_gan.stages.jobs import job, sweep


def main() -> None:
    """Check the command line, then hand it to Hydra. Exits with 2 on bad input, with one line that says what to do."""
    # Weights that libraries load hold tensors too, and nothing that could run code; the same in processes of ours.
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    arguments = sys.argv[1:]
    if help.is_asked_for(arguments):
        print(help.text())
        return
    try:
        command_line.check(arguments)
    except UserError as error:
        job.refuse(error)
    # Completion prints nothing but words, and `--cfg job` nothing but the configuration.
    with sweep.followed():
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(job.run)()


if __name__ == "__main__":
    main()
