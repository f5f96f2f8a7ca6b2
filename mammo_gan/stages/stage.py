"""What a stage is, and when its output can be taken as it stands.

A stage instance's folder is named after its key: a hash of the settings that it reads, the keys of its
inputs and the version of its code. `stage.json` is written last and lists every file with its size, so a
folder is whole or it is not.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, ClassVar, cast

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from mammo_gan.data import journal
from mammo_gan.data.journal import Journal
from mammo_gan.files import write_text
from mammo_gan.interruption import Interruption
from mammo_gan.stages.parallel import Workers
from mammo_gan.stages.screen import Screen

DONE = "stage.json"


@dataclass(frozen=True)
class Context:
    """What a stage may know of the run that it is part of; none of it changes what the stage makes.

    `name` is the stage's in the experiment; `inputs` maps the stages before it to their folders; `made` names those
    that this run made itself; `interruption` says whether the run has been told to end; `workers` are the processes
    that joblib's work goes to.
    """

    run_folder: Path
    name: str
    inputs: Mapping[str, Path]
    made: frozenset[str]
    identity_key: bytes
    jobs: int
    screen: Screen
    interruption: Interruption
    workers: Workers = field(default_factory=Workers)


class Stage(ABC):
    """One step from the archive to the report.

    Subclasses are built by `_target_` with their part of the configuration. What stands under `unkeyed` in
    that part may change without making the output another one (where the archive lies, how many processes).
    """

    version: ClassVar[int]
    # Whether `run` goes on from what an interrupted one left. What it needs for that alone it keeps in the folder
    # `journal.FOLDER` of its own, which is no part of the output and goes once that is whole.
    resumable: ClassVar[bool] = False
    shared: ClassVar[bool] = True  # False: its output belongs to the run folder and is made by every run

    def __init__(self, inputs: list[str], unkeyed: DictConfig | None = None) -> None:
        self.inputs = list(inputs)
        self.unkeyed = unkeyed if unkeyed is not None else OmegaConf.create()

    def fingerprint(self) -> str:
        """What the output depends on beyond settings and inputs, such as an archive's files."""
        return ""

    @abstractmethod
    def run(self, folder: Path, context: Context) -> None:
        """Read the inputs' folders, write the output into `folder`."""


def plain(node: DictConfig) -> dict[str, Any]:
    """A part of the configuration as plain Python values, interpolations resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(node, resolve=True))


def key(stage: Stage, node: DictConfig, input_keys: Mapping[str, str]) -> str:
    """16 hex digits that change whenever the stage's output would."""
    settings = {name: value for name, value in plain(node).items() if name != "unkeyed"}
    parts = [settings, stage.version, dict(input_keys), stage.fingerprint()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def is_whole(folder: Path) -> bool:
    """Whether a stage finished here and every file it wrote is still there at its size."""
    try:
        sizes = dict(json.loads((folder / DONE).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return are_there(folder, sizes)


def are_there(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether files, named by their paths within `folder`, are there at these sizes."""
    if any(PurePath(name).is_absolute() or ".." in PurePath(name).parts for name in sizes):
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items())


def describe(folder: Path) -> dict[str, Any]:
    """What `stage.json` says of a finished stage: name, key, seconds, files."""
    described: dict[str, Any] = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return described


def make(stage: Stage, stage_key: str, folder: Path, context: Context) -> bool:
    """Run a stage unless its output is there already; True if it ran.

    A lock beside the folder keeps two runs from making the same output at once. It is the operating
    system's, so the lock of a process that died is free again.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        context.screen.say(f"{context.name}: another run is making it, waiting")
        lock.acquire()
    try:
        ran = not is_whole(folder)
        if ran:
            if folder.exists() and not stage.resumable:
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            start = time.monotonic()
            with context.workers.at_hand(context.screen):
                stage.run(folder, context)
            _finish(folder, {"name": context.name, "key": stage_key, "seconds": round(time.monotonic() - start, 3)})
        Journal(folder / journal.FOLDER).end()
        return ran
    finally:
        lock.release()


def _finish(folder: Path, described: dict[str, Any]) -> None:
    notes = folder / journal.FOLDER
    made = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_relative_to(notes)]
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in made}
    write_json(folder / DONE, {**described, "files": files})


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
