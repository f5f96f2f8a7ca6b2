"""The index of an archive: one record for each image that can be used, as a Parquet file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.paths import listing
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, Mammogram, Origin, Source
from mammo_gan.archives.verification import verify
from mammo_gan.errors import UserError
from mammo_gan.files import written_whole

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes items on and shows how many of a total have come by: progress(items, total, description)."""

_BOX = pa.struct([(side, pa.int64()) for side in ("x0", "y0", "x1", "y1")])
_LESION = pa.struct(
    [
        ("number", pa.int64()),
        ("kind", pa.string()),
        ("pathology", pa.string()),
        ("box", _BOX),
        ("description", pa.string()),
        ("assessment", pa.int64()),
        ("has_mask", pa.bool_()),
    ]
)
_ORIGIN = pa.struct(
    [
        ("generator", pa.string()),
        ("parent", pa.string()),
        ("mask_parent", pa.string()),
        ("trained_on", pa.string()),
        ("seed", pa.int64()),
    ]
)
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("archive", "source", "image", "patient")]
    + [(name, pa.int64()) for name in ("height", "width", "bits")]
    + [(name, pa.string()) for name in ("view", "laterality", "density", "tissue", "scanner")]
    + [("age", pa.int64()), ("mm_per_px", pa.float64()), ("lesions", pa.list_(_LESION))]
    + [("extent", pa.string()), ("split", pa.string()), ("origin", _ORIGIN)]
)


def _silent(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    return items


def build(
    reader: Reader, root: Path, source: Source, jobs: int, progress: Progress = _silent
) -> tuple[list[Mammogram], list[Fault]]:
    """Reads every file of an archive once: the records of all sound images, and the faults of the others.

    Images are decoded by `jobs` processes (-1 = one for each core), a few at a time, and the results put back into the
    reader's order, so that the index doesn't depend on `jobs`.

    Raises:
        UserError: there is no such folder, it is empty, or nothing in it belongs to this archive's layout.
    """
    if not root.is_dir():
        raise reader.no_archive(f"{root}: there is no such folder")
    scanned = list(reader.scan(root))
    if not scanned:
        empty = next(root.iterdir(), None) is None
        raise reader.no_archive(
            f"{root} is {'empty' if empty else f'no {reader.name} archive, none of its images is there'}"
        )
    records = [replace(found, source=source) for found in scanned if isinstance(found, Mammogram)]
    faults = [found for found in scanned if isinstance(found, Fault)]
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    results = parallel(joblib.delayed(_numbered)(number, reader, root, record) for number, record in enumerate(records))
    checked = dict(progress(results, len(records), "reading images"))
    sound: list[Mammogram] = []
    for _, result in sorted(checked.items()):
        if isinstance(result, Mammogram):
            sound.append(result)
        else:
            faults.extend(result)
    return sound, faults


def _numbered(number: int, reader: Reader, root: Path, record: Mammogram) -> tuple[int, Mammogram | tuple[Fault, ...]]:
    return number, verify(reader, root, record)


def write(path: Path, records: Sequence[Mammogram]) -> None:
    """Writes the records as Parquet, atomically; `read` gives equal ones back."""
    table = pa.Table.from_pylist([asdict(record) for record in records], schema=_SCHEMA)
    with written_whole(path) as unfinished:
        pq.write_table(table, unfinished)


def read(path: Path) -> list[Mammogram]:
    """The records of an index that `write` wrote.

    Raises:
        UserError: no such file, not Parquet, or written by another version.
    """
    advice = "remove its folder and run the stage that makes it again"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: expected an index, found none that can be read ({error}); {advice}") from error
    if not table.schema.equals(_SCHEMA):
        raise UserError(f"{path}: expected the columns {_SCHEMA.names}, found {table.schema.names}; {advice}")
    return [_record(row) for row in table.to_pylist()]


def _record(row: dict[str, Any]) -> Mammogram:
    lesions = tuple(
        Lesion(**{**lesion, "box": None if lesion["box"] is None else Box(**lesion["box"])})
        for lesion in row["lesions"]
    )
    origin = None if row["origin"] is None else Origin(**row["origin"])
    return Mammogram(**{**row, "lesions": lesions, "origin": origin})


def fingerprint(root: Path) -> str:
    """sha256 over path, size and time of change of all files below `root`: another one wherever a file changes.

    The pixels are not read, so this takes seconds where the index takes hours.
    """
    digest = hashlib.sha256()
    below = listing(root)
    for file in below.files:
        path = root / file
        try:
            state = path.stat()
        except OSError:  # a link that leads nowhere
            state = path.lstat()
        digest.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    for fault in below.faults:
        digest.update(f"{fault.file}\0".encode())
    return digest.hexdigest()
