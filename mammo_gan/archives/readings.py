"""What was read of an archive and found sound, so that the next index reads only what has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mammo_gan.archives import parquet
from mammo_gan.archives.records import Mammogram
from mammo_gan.archives.sharing import Shared

_SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("scanned", pa.string()),
        ("files", pa.list_(pa.string())),
        ("state", pa.string()),
        ("pixels", pa.string()),
        ("outside", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True, slots=True)
class Reading:
    """An image that was decoded, masks and all, and is what its record says.

    image:   as in its record
    scanned: digest of the record as the reader gave it, before its pixels were looked at
    files:   all that were opened, relative to the root
    state:   digest of their sizes and times of change
    pixels:  digest of the image's pixels
    outside: numbers of the lesions that cover no pixel of the breast
    """

    image: str
    scanned: str
    files: tuple[str, ...]
    state: str
    pixels: str
    outside: tuple[int, ...]

    def holds(self, root: Path, scanned: Mammogram) -> bool:
        """Whether nothing has changed that this was found by."""
        return self.scanned == digest(scanned) and self.state == state(root, self.files)


def digest(record: Mammogram) -> str:
    """16 hex digits of a record."""
    return _digest(json.dumps(parquet.row_of(record), sort_keys=True))


def state(root: Path, files: Iterable[str]) -> str:
    """16 hex digits of the sizes and times of change of files; another one for each that isn't there."""
    described = []
    for file in files:
        try:
            found = (root / file).stat()
        except OSError:
            described.append((file, -1, -1))
        else:
            described.append((file, found.st_size, found.st_mtime_ns))
    return _digest(json.dumps(described))


def write(path: Path, readings: Iterable[Reading]) -> None:
    """Writes them as Parquet, atomically."""
    parquet.write(path, readings, _SCHEMA)


def read(path: Path) -> list[Reading]:
    """What `write` wrote; nothing if that isn't there or of another version, for it can all be read again."""
    shared = Shared()
    try:
        return [shared.within(_reading(row)) for row in parquet.read(path, _SCHEMA)]
    except parquet.NoTableError:
        return []


def _reading(row: dict[str, Any]) -> Reading:
    return Reading(**{**row, "files": tuple(row["files"]), "outside": tuple(row["outside"])})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
