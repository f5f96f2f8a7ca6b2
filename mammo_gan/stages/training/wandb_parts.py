"""The parts of one W&B run: a training that is cut off and goes on writes a `.wandb` file of its own each time.

`wandb sync` (from 0.31 on) puts parts of the same run id together in the order of their start, each part's steps behind
those that are there. It stops at the first part that isn't whole, and a part that holds nothing stops it altogether;
both are what a process leaves that was killed.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_gan.files import write_text

# A `.wandb` file: 7 bytes, then LevelDB's log format. A record is one chunk or several; a chunk stays within a block.
FILE_HEADER, BLOCK = 7, 32 * 1024  # bytes
CHUNK_HEADER = struct.Struct("<IHB")  # CRC-32 of kind and content, bytes of the content, kind
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


class Parts:
    """Which run a training has on W&B, and which of its parts W&B doesn't have yet.

    Kept beside the checkpoints: `wandb.id`, and `wandb.json` with the parts' folders as seen from there, so that all
    of it can be moved together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "wandb.json"

    def run_id(self) -> str:
        """One for a training, however often it goes on."""
        file = self.folder / "wandb.id"
        if not file.exists() or not file.read_text(encoding="ascii").strip():
            write_text(file, os.urandom(8).hex())
        return file.read_text(encoding="ascii").strip()

    def begun_online(self, part: Path, step: int) -> None:
        """A part was begun that is sent at once, from `step` on: W&B has all before it."""
        self._write(sent=step - 1, parts=[self._relative(part)], behind=False)

    def begun_offline(self, part: Path) -> None:
        """A part was begun that is to be sent later, behind those that aren't sent yet."""
        kept = self._read()
        self._write(kept["sent"], [*kept["parts"], self._relative(part)], behind=True)

    def ended_online(self, step: int, sent: bool) -> None:
        """The online part of the moment ended with `step`. If it wasn't `sent` whole, W&B lacks what the part has."""
        if sent:
            self._write(step, [], behind=False)
        else:
            kept = self._read()
            self._write(kept["sent"], kept["parts"], behind=True)

    def behind(self) -> bool:
        """Whether W&B lacks rows of before, so that rows of now would come too early."""
        return bool(self._read()["behind"] and self.unsent())

    def unsent(self) -> list[Path]:
        """The `.wandb` files that `wandb sync` has to send, oldest first."""
        return [file for file in self._files() if not file.with_name(f"{file.name}.synced").exists()]

    def last_step(self) -> int:
        """The last step that is in W&B or in the parts; -1 if there is none."""
        in_parts = [read(file).last_step for file in self._files()]
        return max([int(self._read()["sent"]), *in_parts])

    def command(self) -> str | None:
        """What sends the parts as one run; None if there are none. No part may be in use: what is cut off is mended."""
        files = [file for file in self.unsent() if mend(file)]
        if not files:
            return None
        online = not all(file.parent.name.startswith("offline-") for file in files)
        return shlex.join(["wandb", "sync", *(["--include-online"] if online else []), *(str(f.parent) for f in files)])

    def _files(self) -> list[Path]:
        folders = [(self.folder / part).resolve() for part in self._read()["parts"]]
        return [file for folder in folders for file in folder.glob("run-*.wandb")]

    def _relative(self, part: Path) -> str:
        return os.path.relpath(part, self.folder)

    def _read(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"sent": -1, "parts": [], "behind": False}
        with suppress(OSError, ValueError):
            kept |= json.loads(self._file.read_text(encoding="utf-8"))
        return kept

    def _write(self, sent: int, parts: list[str], behind: bool) -> None:
        """`sent`: the last step that W&B is known to have; `behind`: whether it lacks rows that only the parts have."""
        content = {"sent": sent, "parts": parts, "behind": behind}
        write_text(self._file, json.dumps(content, indent=2) + "\n")


@dataclass(frozen=True)
class Reading:
    """What can be read of a `.wandb` file: whether it says which run it belongs to, the last step of its history (-1:
    none), and the bytes up to the end of its last whole record."""

    names_run: bool
    last_step: int
    whole: int


def read(file: Path) -> Reading:
    """Read a `.wandb` file as far as it is whole."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]  # made at run time

    names_run, last_step, whole = False, -1, 0
    for content, end in records(file.read_bytes()):
        record = Record.FromString(content)
        names_run |= record.HasField("run")
        for item in record.history.item:
            if "_step" in (item.key, *item.nested_key):
                last_step = max(last_step, int(item.value_json))
        whole = end
    return Reading(names_run, last_step, whole)


def records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The whole records of a `.wandb` file's content, each with the offset of its end."""
    position, record = FILE_HEADER, b""
    while position + CHUNK_HEADER.size <= len(data):
        room = BLOCK - position % BLOCK
        if room < CHUNK_HEADER.size:  # too little for a chunk: zeros up to the next block
            position += room
            continue
        checksum, size, kind = CHUNK_HEADER.unpack_from(data, position)
        content = data[position + CHUNK_HEADER.size : position + CHUNK_HEADER.size + size]
        if len(content) < size or zlib.crc32(content, zlib.crc32(bytes([kind]))) != checksum:
            return
        position += CHUNK_HEADER.size + size
        record = content if kind in (WHOLE, FIRST) else record + content
        if kind in (WHOLE, LAST):
            yield record, position


def mend(file: Path) -> bool:
    """Make a part one that `wandb sync` reads to its end; False if it has nothing to send.

    What follows the last whole record is cut off; the file as it was stays beside it, as `*.wandb.cut`.
    """
    reading, size = read(file), file.stat().st_size
    if reading.whole == 0:
        return size > FILE_HEADER  # written by a version that this can't read: left as it is
    if reading.whole < size:
        with suppress(OSError):  # a full disk: as long as the copy isn't there, nothing is cut off
            shutil.copy2(file, file.with_name(f"{file.name}.cut"))
            os.truncate(file, reading.whole)
    return reading.names_run
