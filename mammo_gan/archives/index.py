"""The index of an archive: one record for each image that can be used, as a Parquet file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pyarrow as pa

from mammo_gan.archives import parquet
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.paths import listing, noting
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.readings import Reading, digest, state
from mammo_gan.archives.records import Acquisition, Box, Lesion, Mammogram, Origin, Source
from mammo_gan.archives.sharing import Shared
from mammo_gan.archives.verification import Sound, verify
from mammo_gan.errors import UserError

WORTH_PROCESSES = 8  # images; starting processes takes seconds

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
_ACQUISITION = pa.struct(
    [
        ("manufacturer", pa.string()),
        ("model", pa.string()),
        ("tube_current", pa.float64()),
        ("magnification", pa.float64()),
        ("for_presentation", pa.bool_()),
    ]
)
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("archive", "source", "image", "patient")]
    + [(name, pa.int64()) for name in ("height", "width", "bits")]
    + [(name, pa.string()) for name in ("view", "laterality", "density", "tissue", "scanner")]
    + [("age", pa.int64()), ("mm_per_px", pa.float64()), ("study", pa.string())]
    + [("acquisition", _ACQUISITION), ("shows", pa.list_(pa.string())), ("lesions", pa.list_(_LESION))]
    + [("extent", pa.string()), ("split", pa.string()), ("origin", _ORIGIN)]
)


def _silent(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    return items


@dataclass
class Known:
    """Images that an earlier index found sound: `records` and `readings` by image. `build` puts its own in their place.

    `faulty` are the records, as scanned, of images that are left out, and `read_again` counts the images whose pixels
    it had to look at.
    """

    records: dict[str, Mammogram] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    faulty: list[Mammogram] = field(default_factory=list)
    read_again: int = 0

    def of(self, root: Path, scanned: Mammogram) -> tuple[Mammogram, Reading] | None:
        """What is known of an image, if that still holds."""
        reading = self.readings.get(scanned.image)
        if reading is None or not reading.holds(root, scanned):
            return None
        return self.records[scanned.image], reading


def build(
    reader: Reader, root: Path, source: Source, jobs: int, progress: Progress = _silent, known: Known | None = None
) -> tuple[list[Mammogram], list[Fault]]:
    """Reads every file of an archive once: the records of all sound images, and the faults of the others.

    Images are decoded by `jobs` processes (-1 = one for each core), a few at a time, and the results put back into the
    reader's order, so that the index doesn't depend on `jobs`. An image that is `known` to be sound isn't decoded
    again as long as its record and its files are as they were.

    Raises:
        UserError: there is no such folder, it is empty, or nothing in it belongs to this archive's layout.
    """
    if not root.is_dir():
        raise reader.no_archive(f"{root}: there is no such folder")
    known, shared = Known() if known is None else known, Shared()
    records: dict[str, Mammogram] = {}  # in the reader's order, whenever their images are checked
    readings: dict[str, Reading] = {}
    changed: list[Mammogram] = []
    faults: list[Fault] = []
    for found in reader.scan(root):
        if isinstance(found, Fault):
            faults.append(found)
            continue
        scanned = replace(found, source=source)
        held = known.of(root, scanned)
        if held is None:
            changed.append(shared.within(scanned))
            records[scanned.image] = changed[-1]
        else:
            records[scanned.image], readings[scanned.image] = held
    if not records and not faults:
        empty = next(root.iterdir(), None) is None
        raise reader.no_archive(
            f"{root} is {'empty' if empty else f'no {reader.name} archive, none of its images is there'}"
        )
    faulty: dict[str, tuple[Fault, ...]] = {}
    for result in progress(_checked(reader, root, changed, jobs), len(changed), "reading images"):
        if result.record is None or result.reading is None:
            faulty[result.image] = result.faults
            continue
        if result.record != records[result.image]:  # a box was found by its mask
            records[result.image] = shared.within(result.record)
        reading = shared.within(result.reading)
        readings[reading.image] = reading
    for record in changed:
        if record.image in faulty:
            faults.extend(faulty.pop(record.image))
            known.faulty.append(records.pop(record.image))
    known.records = records
    known.readings = {image: readings[image] for image in records}
    known.read_again = len(changed)
    return list(records.values()), faults


class _Checked(NamedTuple):
    """An image's record and reading, or its faults."""

    image: str
    record: Mammogram | None = None
    reading: Reading | None = None
    faults: tuple[Fault, ...] = ()


def _checked(reader: Reader, root: Path, records: Sequence[Mammogram], jobs: int) -> Iterator[_Checked]:
    """In any order."""
    few = len(records) < WORTH_PROCESSES
    parallel = joblib.Parallel(n_jobs=1 if few else jobs, return_as="generator_unordered")
    yield from parallel(joblib.delayed(_check)(reader, root, record) for record in records)


def _check(reader: Reader, root: Path, scanned: Mammogram) -> _Checked:
    begun = time.time_ns()
    with noting() as files:
        found = verify(reader, root, scanned)
    if not isinstance(found, Sound):
        return _Checked(scanned.image, faults=found)
    opened = tuple(sorted(files))
    # A file that changed while it was read may not be what was read.
    steady = all((root / file).stat().st_mtime_ns < begun for file in opened)
    current = state(root, opened) if steady else ""
    reading = Reading(scanned.image, digest(scanned), opened, current, found.pixels, found.outside)
    return _Checked(scanned.image, found.record, reading)


def write(path: Path, records: Iterable[Mammogram]) -> None:
    """Writes the records as Parquet, atomically; `read` gives equal ones back."""
    parquet.write(path, records, _SCHEMA)


def read(path: Path) -> list[Mammogram]:
    """The records of an index that `write` wrote.

    Raises:
        UserError: no such file, not Parquet, or written by another version.
    """
    shared = Shared()
    try:
        return [shared.within(_record(row)) for row in parquet.read(path, _SCHEMA)]
    except parquet.NoTableError as error:
        raise UserError(
            f"{path}: expected an index with the columns {', '.join(_SCHEMA.names)}, found {error}; remove its folder "
            "and run the stage that makes it again"
        ) from error


def _record(row: dict[str, Any]) -> Mammogram:
    lesions = tuple(
        Lesion(**{**lesion, "box": None if lesion["box"] is None else Box(**lesion["box"])})
        for lesion in row["lesions"]
    )
    origin = None if row["origin"] is None else Origin(**row["origin"])
    acquisition = None if row["acquisition"] is None else Acquisition(**row["acquisition"])
    shows = None if row["shows"] is None else tuple(row["shows"])
    return Mammogram(**{**row, "lesions": lesions, "origin": origin, "acquisition": acquisition, "shows": shows})


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
