"""The manifest as Parquet: the same records, faults and errors as its CSV gives."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from mammo_gan.archives import index, parquet_table
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.parquet_table import parse_parquet
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.errors import UserError
from tests.archives.miniature import make_manifest
from tests.archives.test_bad_input import READERS

REQUIRED, OPTIONAL = ("image", "patient"), ("label", "mm_per_px", "x0")
IMAGE = "images/p0_CC.png"


def write(path: Path, columns: Mapping[str, Any]) -> Path:
    pq.write_table(pa.table(dict(columns)), path)
    return path


def cells(path: Path, column: str) -> list[str]:
    return [row[column] for row in parse_parquet(path, REQUIRED, OPTIONAL)]


@pytest.mark.parametrize("encoded", [False, True])
def test_its_records_are_those_of_the_csv(tmp_path: Path, encoded: bool) -> None:
    make_manifest(tmp_path)
    records, _ = index.build(Manifest(), tmp_path, "disk", jobs=1)
    table = pa_csv.read_csv(tmp_path / "manifest.csv")
    if encoded:
        table = pa.table({name: table[name].dictionary_encode() for name in table.column_names})
    pq.write_table(table, tmp_path / "manifest.parquet")
    (tmp_path / "manifest.csv").unlink()
    for reader in (Manifest(), Manifest("manifest.parquet"), READERS["manifest"], READERS["auto"]):
        assert index.build(reader, tmp_path, "disk", jobs=1) == (records, [])
    lesion = records[0].lesions[0]
    assert Manifest().mask(tmp_path, records[0], lesion).sum() == 80


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, " b\n"]), ["a", "", "b"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array(["a", None, "b"], pa.large_string()), ["a", "", "b"]),
        (pa.array([17, None, -3], pa.int16()), ["17", "", "-3"]),
        (pa.array([17, 17, None]).dictionary_encode(), ["17", "17", ""]),
        (pa.array([17.0, float("nan"), None]), ["17", "", ""]),  # as pandas keeps whole numbers with gaps
        (pa.array([0.07, 0.1, 1e-3], pa.float32()), ["0.07", "0.1", "0.001"]),
        (pa.array(np.array([0.5, 2.0, 3.0], np.float16)), ["0.5", "2", "3"]),
        (pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(5, 2)), ["1.00", "2.00", "3.00"]),
        (pa.nulls(3), ["", "", ""]),
    ],
)
def test_types_become_the_cells_of_a_csv(tmp_path: Path, column: pa.Array, expected: list[str]) -> None:
    path = write(tmp_path / "t.parquet", {"image": ["1", "2", "3"], "patient": ["p"] * 3, "label": column})
    assert cells(path, "label") == expected


@pytest.mark.parametrize(
    "column", [[True, False], [[1], [2]], [b"a", b"b"], [{"a": 1}, {"a": 2}], [date(2020, 1, 1)] * 2]
)
def test_other_types_are_refused_by_their_column(tmp_path: Path, column: Sequence[Any]) -> None:
    path = write(tmp_path / "t.parquet", {"image": ["1", "2"], "patient": ["p"] * 2, "label": pa.array(column)})
    with pytest.raises(UserError, match="expected text or numbers in column label"):
        parse_parquet(path, REQUIRED, OPTIONAL)


def test_row_names_of_pandas_and_rows_without_content_are_passed_over(tmp_path: Path) -> None:
    columns = {"Image": ["1", None, "3"], "patient ": ["p", "", "p"], "__index_level_0__": [4, 5, 6]}
    rows = parse_parquet(write(tmp_path / "t.parquet", columns), REQUIRED, OPTIONAL)
    assert [(row.number, row["image"]) for row in rows] == [(2, "1"), (4, "3")]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"image": ["1"], "patinet": ["p"]}, "manifest.parquet: .*'patinet'; the nearest valid one is 'patient'"),
        ({"image": ["1"]}, "the column patient"),
        ({"image": ["1"], "patient": ["p"], "IMAGE": ["2"]}, "each column once"),
    ],
)
def test_columns_are_checked_as_in_a_csv(tmp_path: Path, columns: dict[str, Any], says: str) -> None:
    write(tmp_path / "manifest.parquet", columns)
    with pytest.raises(UserError, match=says):
        list(Manifest().scan(tmp_path))


def test_mistakes_are_named_with_file_and_row(tmp_path: Path) -> None:
    make_manifest(tmp_path)
    (tmp_path / "manifest.csv").unlink()
    columns = {"image": [IMAGE, "images/p0_MLO.png"], "patient": [1, 1], "label": ["normal", "malign"]}
    write(tmp_path / "manifest.parquet", columns)
    sound, fault = Manifest().scan(tmp_path)
    assert isinstance(sound, Mammogram)
    assert sound.patient == "1"
    assert isinstance(fault, Fault)
    assert (fault.file, fault.problem) == ("images/p0_MLO.png", "unusable row 3 of manifest.parquet")
    assert "row 3: expected one of malignant" in fault.found


def test_a_box_may_be_whole_numbers_or_fractions(tmp_path: Path) -> None:
    make_manifest(tmp_path)
    (tmp_path / "manifest.csv").unlink()
    box = {"x0": [1], "y0": [2.5], "x1": pa.array([9.0], pa.float32()), "y1": [12]}
    write(tmp_path / "manifest.parquet", {"image": [IMAGE], "patient": ["p"], "label": ["benign"], **box})
    (record,) = Manifest().scan(tmp_path)
    assert isinstance(record, Mammogram)
    assert record.lesions[0].box == Box(1, 2, 9, 12)


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    make_manifest(tmp_path)
    pq.write_table(pa_csv.read_csv(tmp_path / "manifest.csv"), tmp_path / "manifest.parquet")
    for reader in (Manifest(), READERS["auto"]):
        with pytest.raises(UserError, match=r"found manifest\.csv and manifest\.parquet.*archive\.reader\.table="):
            index.build(reader, tmp_path, "disk", jobs=1)
    for table in ("manifest.csv", "manifest.parquet"):
        assert len(list(Manifest(table).scan(tmp_path))) == 6


@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"image,patient\n", pickle.dumps({"image": ["1"]})])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"manifest\.parquet: expected a table as Parquet.*archive\.reader\.table"):
        list(Manifest().scan(tmp_path))


def test_a_table_that_unpacks_to_more_than_any_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.parquet", {"image": ["1"] * 100, "patient": ["p"] * 100})
    monkeypatch.setattr(parquet_table, "_MOST_BYTES", 20)
    with pytest.raises(UserError, match="at most 20 bytes"):
        parse_parquet(path, REQUIRED, OPTIONAL)
