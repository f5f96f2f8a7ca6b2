"""Tables that we keep for ourselves, as Parquet, written and read some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_gan.files import written_whole

ROWS = 4096  # in memory at once as dictionaries, a few KB each; more are no faster


class NoTableError(ValueError):
    """No table with the columns that are looked for; the message says what was found instead."""


def write(path: Path, records: Iterable[Any], schema: pa.Schema) -> None:
    """Writes dataclasses, one a row, atomically, with memory for a few of them."""
    waiting = map(row_of, records)
    with written_whole(path) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        while some := list(islice(waiting, ROWS)):
            writer.write_batch(pa.RecordBatch.from_pylist(some, schema=schema))


def read(path: Path, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    """The rows that `write` wrote, dataclasses as dictionaries and tuples as lists, with memory for a few of them.

    Raises:
        NoTableError: no such file, not Parquet, or other columns.
    """
    try:
        with pq.ParquetFile(path) as table:
            if not table.schema_arrow.equals(schema):
                raise NoTableError(f"the columns {', '.join(table.schema_arrow.names)}")
            for batch in table.iter_batches(ROWS):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise NoTableError(f"none that can be read ({error})") from error


def row_of(value: Any) -> Any:
    """A dataclass as a dictionary, its tuples as lists.

    `dataclasses.asdict` would spend most of its time on copies of texts and numbers.
    """
    kind: Any = type(value)
    if kind is tuple:
        return [row_of(each) for each in value]
    if names := _names(kind):
        return {name: row_of(getattr(value, name)) for name in names}
    return value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """Of a dataclass's fields; none of anything else's."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
