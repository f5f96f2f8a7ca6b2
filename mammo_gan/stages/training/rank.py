"""One process of several of a training, started by processes.py: `-m mammo_gan.stages.training.rank JOB.json`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console

from mammo_gan.errors import UserError
from mammo_gan.files import write_text
from mammo_gan.interruption import Interrupted, Interruption
from mammo_gan.stages import run_folder
from mammo_gan.stages.command import targets
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context
from mammo_gan.stages.train import Train
from mammo_gan.stages.training.processes import ERROR


def main() -> None:
    """Train; on a fault leave its text for the leader and end at once, for the others can't go on either."""
    rank = int(os.environ.get("RANK") or os.environ["SLURM_PROCID"])
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder, runs_in = Path(job["folder"]), Path(job["run_folder"])
    _end_with_leader()
    code, text = 0, ""
    try:
        with Interruption() as interruption:
            inputs = {name: Path(place) for name, place in job["inputs"].items()}
            context = Context(
                runs_in, job["name"], inputs, frozenset(), b"", 1, _screen(speaks=rank == 0), interruption
            )
            _stage(runs_in, job["name"]).train(folder, context)
    except Interrupted as interrupted:
        code = interrupted.exit_code
    except UserError as error:
        code, text = error.exit_code, str(error)
    except BaseException:
        code, text = 1, traceback.format_exc()
    if text:
        write_text(folder / ERROR.format(rank), text)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: taking down a process group one of whose members is gone can wait for it forever.
    os._exit(code)


def _stage(folder: Path, name: str) -> Train:
    node = OmegaConf.load(folder / run_folder.CONFIG).pipeline[name]
    targets.check(node)
    stage = instantiate(node, _recursive_=False)
    assert isinstance(stage, Train)  # noqa: S101 - the leader named it
    return stage


def _screen(speaks: bool) -> Screen:
    """Rank zero writes where the leader does, the others nowhere."""
    if speaks:
        return Screen()
    return Screen(Console(file=Path(os.devnull).open("w", encoding="utf-8")))


def _end_with_leader() -> None:
    """Standard input comes from the leader and ends when it does: then write a checkpoint and end too."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
