"""What a preparation has finished, noted as it goes, so that one that was killed goes on where it stood."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "unfinished"
LARGEST_CHUNK = 32  # images
CHUNKS = 64  # at least, where there are as many images: enough for all processes to have work
_HEADER = "begun"


@dataclass(frozen=True)
class Journal:
    """Notes in a folder of their own, each in a file that is whole or not there.

    Whoever notes something has put on the disk what it speaks of. The note itself may be lost in a power cut, or be
    there without its content: then what it spoke of is done again. A journal holds nothing open, so it can be sent to
    other processes; names are texts such as "survey/12", each noted by one of them.
    """

    folder: Path

    def goes_on(self, digest: str) -> bool:
        """Whether notes of the same preparation are here; those of another one are removed, and new ones begun."""
        if self.read(_HEADER) == digest:
            return True
        self.end()
        self.note(_HEADER, digest)
        return False

    def note(self, name: str, content: Any) -> None:
        """Keep something that JSON can hold."""
        with placed(self._file(name)) as unfinished:
            unfinished.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")

    def read(self, name: str) -> Any:
        """What was noted; None where nothing was, or nothing that can be read."""
        try:
            return json.loads(self._file(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def forget(self, kind: str) -> None:
        """Remove all notes `kind`/..., as if nothing of it had been done."""
        shutil.rmtree(self.folder / kind, ignore_errors=True)

    def end(self) -> None:
        """Remove all, its header first: notes without one count for nothing."""
        self._file(_HEADER).unlink(missing_ok=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """A path to write to, renamed at the end: whole after a kill.

    Not flushed, which takes longer than most images do: after a power cut, what can't be read is to be made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    yield unfinished
    unfinished.replace(path)


def chunks(images: int) -> list[range]:
    """Runs of images that one process does at once: the same for any number of processes, as notes name them."""
    length = min(LARGEST_CHUNK, -(-images // CHUNKS))
    return [range(first, min(first + length, images)) for first in range(0, images, length)]


def digest(parts: Iterable[object]) -> str:
    """16 hex digits over the texts of `parts` (`repr`, which for a dataclass names all that it holds)."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(f"{part!r}\n".encode())
    return whole.hexdigest()[:16]


def sweep(folder: Path, name: str) -> None:
    """Remove what killed processes left of `name` in `folder`: files that `files.written_whole` had not renamed."""
    for left in folder.glob(f".{name}.*"):
        left.unlink(missing_ok=True)
