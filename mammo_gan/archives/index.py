"""The index of an archive: one record for each image that can be used, as a Parquet file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.paths import listing, noting
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.readings import Reading, digest, state
from mammo_gan.archives.records import Acquisition, Box, Lesion, Mammogram, Origin, Source
from mammo_gan.archives.verification import Sound, verify
from mammo_gan.errors import UserError
from mammo_gan.files import written_whole

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

    def of(self, root: Path, scanned: Mammogram) -> _Checked | None:
        """What is known of an image, if that still holds."""
        reading = self.readings.get(scanned.image)
        if reading is None or not reading.holds(root, scanned):
            return None
        return _Checked(scanned.image, self.records[scanned.image], reading)


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
    scanned = list(reader.scan(root))
    if not scanned:
        empty = next(root.iterdir(), None) is None
        raise reader.no_archive(
            f"{root} is {'empty' if empty else f'no {reader.name} archive, none of its images is there'}"
        )
    records = [replace(found, source=source) for found in scanned if isinstance(found, Mammogram)]
    faults = [found for found in scanned if isinstance(found, Fault)]
    known = Known() if known is None else known
    checked = {record.image: known.of(root, record) for record in records}
    changed = [record for record in records if checked[record.image] is None]
    few = len(changed) < WORTH_PROCESSES
    parallel = joblib.Parallel(n_jobs=1 if few else jobs, return_as="generator_unordered")
    results = parallel(joblib.delayed(_check)(reader, root, record) for record in changed)
    checked |= {result.image: result for result in progress(results, len(changed), "reading images")}
    sound = {}
    for record in records:
        result = checked[record.image]
        if result is not None and result.record is not None and result.reading is not None:
            sound[record.image] = (result.record, result.reading)
        elif result is not None:
            faults.extend(result.faults)
            known.faulty.append(record)
    known.records = {image: record for image, (record, _) in sound.items()}
    known.readings = {image: reading for image, (_, reading) in sound.items()}
    known.read_again = len(changed)
    return list(known.records.values()), faults


class _Checked(NamedTuple):
    """An image's record and reading, or its faults."""

    image: str
    record: Mammogram | None = None
    reading: Reading | None = None
    faults: tuple[Fault, ...] = ()


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
