"""A lab's table as Parquet: the rows that it would have as CSV."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_gan.archives.table import Row, check_header
from mammo_gan.errors import UserError

_MOST_BYTES = 2**31  # unpacked; a million images take a tenth of it
_INDEX = "__index_level_0__"  # pandas' row names, which it adds where they aren't 0, 1, 2, ...


def parse_parquet(path: Path, required: Collection[str], optional: Collection[str]) -> list[Row]:
    """A Parquet file's rows, counted from 2 as those of the same table in CSV are; rows without content are left out.

    Columns hold text, dictionary-encoded or not, or numbers. Nulls and NaN are empty cells, and a whole number is
    written without a point, also where nulls have made a column of fractions of it.

    Raises:
        UserError: no Parquet, a column of another type, or one that is missing, unknown (with the nearest valid name)
            or there twice. The text is without the file's path.
    """
    try:
        with pq.ParquetFile(path) as file:
            header = [name.strip().lower() for name in file.schema_arrow.names]
            check_header([name for name in header if name != _INDEX], required, optional)
            unpacked = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
            if unpacked > _MOST_BYTES:
                raise UserError(f"expected a table of at most {_MOST_BYTES} bytes, found one of {unpacked}")
            content = file.read()
        columns = {
            name: _texts(name, column)
            for name, column in zip(header, content.itercolumns(), strict=True)
            if name != _INDEX
        }
    except UserError:
        raise
    except Exception as error:  # a parser fed with broken bytes raises whatever it trips over
        raise UserError(f"expected a table as Parquet, found one that can't be read ({error})") from error
    rows = zip(*columns.values(), strict=True)
    return [Row(number, dict(zip(columns, cells, strict=True))) for number, cells in enumerate(rows, 2) if any(cells)]


def _texts(name: str, column: pa.ChunkedArray) -> list[str]:
    """A column's cells as a CSV has them."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return [""] * len(column)
    if pa.types.is_floating(kind):
        # Of a single-precision number as few digits as tell it from others: 0.07, not 0.07000000029802322.
        return [_number(value) for chunk in column.chunks for value in chunk.to_numpy(zero_copy_only=False)]
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or _is_text(kind):
        return ["" if value is None else str(value).strip() for value in column.to_pylist()]
    raise UserError(f"expected text or numbers in column {name}, found {kind}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _number(value: np.floating) -> str:
    if np.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else str(value)
