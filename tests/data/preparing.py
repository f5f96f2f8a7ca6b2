"""Preparations of drawn mammograms in processes of their own, which a test may kill and start again."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Literal

import numpy as np
from joblib.externals.loky import get_reusable_executor

from mammo_gan.archives.records import Mammogram
from mammo_gan.archives.splits import assign
from mammo_gan.data import journal
from mammo_gan.data.lesion_cutting import LesionRecipe
from mammo_gan.data.prepare import PatchRecipe, prepare_patches
from mammo_gan.data.prepare_images import ImageRecipe, prepare_images
from mammo_gan.data.prepare_lesions import prepare_lesions
from tests.data.drawn import Drawn, archive

FORKED = multiprocessing.get_context("forkserver")
# One server serves all tests of a process, so it is given what the trainings in children ask for as well.
FORKED.set_forkserver_preload(["tests.callbacks.children", __name__])
KEY = b"k" * 32
RECORDS = archive(40)  # 80 images: two a chunk
SPLITS = assign(RECORDS, {"train": 0.6, "val": 0.2, "test": 0.2}, 4)
IMAGES = ImageRecipe(sizes=((160, 128), (80, 64), (40, 32), (5, 4)), depth=8, left_oriented=True)
PATCHES = PatchRecipe(
    patches_per_class=200, size=30, fit_height=180, fit_width=105, min_breast_share=0.75, benign_share=0.5, seed=1
)
LESIONS = LesionRecipe(
    size=20, largest=750, min_grey_levels=30, normal=10, normal_beside_lesions=True, breast="nonzero", seed=1
)
SOON = 120.0  # s, for what takes one on a quiet machine

Kind = Literal["images", "patches", "lesions"]


class Counting(Drawn):
    """Leaves a line in `file` for each image that it has begun to read, and takes its time."""

    def __init__(self, file: Path, pause: float) -> None:
        self.file, self.pause = file, pause

    def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{mammogram.image}\n")
        time.sleep(self.pause)
        return super().pixels(root, mammogram)


@dataclass(frozen=True)
class Preparation:
    """What a child makes in `folder`/store, counting reads in `folder`/reads."""

    folder: Path
    kind: Kind
    jobs: int = 1
    pause: float = 0.002
    records: tuple[Mammogram, ...] = tuple(RECORDS)
    images: ImageRecipe = IMAGES

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def notes(self) -> Path:
        return self.store / journal.FOLDER

    def run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        reader = Counting(self.folder / "reads", self.pause)
        common = (self.records, reader, Path(), self.store)
        if self.kind == "images":
            prepare_images(*common, self.images, SPLITS, KEY, jobs=self.jobs)
        elif self.kind == "patches":
            prepare_patches(*common, PATCHES, SPLITS, KEY, jobs=self.jobs)
        else:
            prepare_lesions(*common, LESIONS, SPLITS, KEY, jobs=self.jobs)

    def reads(self) -> list[str]:
        file = self.folder / "reads"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def steps(self) -> int:
        """Notes so far, of all kinds."""
        return len(list(self.notes.glob("*/*.json")))

    def finished(self) -> set[str]:
        """Images that the notes hold for read and done with."""
        names = sorted(record.image for record in self.records)
        if self.kind == "patches":
            return {names[int(file.stem)] for file in self.notes.glob("survey/*.json")}
        noted = {int(file.stem) for file in self.notes.glob("chunk/*.json")}
        if self.kind == "lesions":
            return {names[at] for chunk in journal.chunks(len(names)) if chunk.start in noted for at in chunk}
        chunks = {first: json.loads((self.notes / f"chunk/{first}.json").read_text()) for first in noted}
        return {name for first, rows in chunks.items() for name in names[first : first + len(rows)]}

    def output(self) -> dict[str, bytes]:
        """All files but the notes."""
        files = [file for file in self.store.rglob("*") if file.is_file() and not file.is_relative_to(self.notes)]
        return {file.relative_to(self.store).as_posix(): file.read_bytes() for file in files}


def started(preparation: Preparation) -> ForkServerProcess:
    """A child in a process group of its own, so that its own processes can be killed with it."""
    child = FORKED.Process(target=_run, args=(preparation,), daemon=False)
    child.start()
    return child


def kill(child: ForkServerProcess) -> None:
    """The child and all that it has started, at once and without a warning."""
    assert child.pid is not None
    for end in (os.killpg, os.kill):  # the group is there only once the child has made it
        try:
            end(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    child.join(SOON)


def wait_until(condition: Callable[[], bool]) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < SOON, "waited too long"
        time.sleep(0.002)


def _run(preparation: Preparation) -> None:
    os.setsid()
    preparation.run()
    if preparation.jobs > 1:
        # A child ends without what joblib would do at an interpreter's end, and would wait for its idle processes.
        get_reusable_executor().shutdown()
