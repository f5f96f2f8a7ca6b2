from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from mammo_gan.archives import parquet
from mammo_gan.archives.parquet import NoTableError
from mammo_gan.archives.records import Acquisition, Mammogram
from mammo_gan.archives.sharing import Shared

SCHEMA = pa.schema([("name", pa.string()), ("places", pa.list_(pa.int64()))])


@dataclass(frozen=True)
class Row:
    name: str
    places: tuple[int, ...] = ()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 10])
def test_rows_come_back_in_order_however_many_are_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(parquet, "ROWS", 3)
    rows = [Row(str(number), tuple(range(number))) for number in range(count)]
    parquet.write(tmp_path / "a.parquet", iter(rows), SCHEMA)
    assert list(parquet.read(tmp_path / "a.parquet", SCHEMA)) == [{**asdict(r), "places": list(r.places)} for r in rows]


def test_what_was_there_stays_when_writing_breaks_off(tmp_path: Path) -> None:
    def breaking() -> Iterator[Row]:
        yield Row("new")
        raise KeyError

    parquet.write(tmp_path / "a.parquet", [Row("old")], SCHEMA)
    with pytest.raises(KeyError):
        parquet.write(tmp_path / "a.parquet", breaking(), SCHEMA)
    assert [row["name"] for row in parquet.read(tmp_path / "a.parquet", SCHEMA)] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_other_columns_and_broken_pages_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(path, [Row(f"{number:0100d}") for number in range(1000)], SCHEMA)
    with pytest.raises(NoTableError, match="the columns name, places"):
        list(parquet.read(path, pa.schema([("name", pa.string())])))
    content = bytearray(path.read_bytes())
    content[10:400] = bytes(390)
    path.write_bytes(content)
    with pytest.raises(NoTableError, match="none that can be read"):
        list(parquet.read(path, SCHEMA))


def record(**fields: object) -> Mammogram:
    maker = Acquisition(manufacturer="".join(["Ho", "logic"]), tube_current=float("80"))
    given = {
        "patient": "".join(["p", "1"]),
        "height": int("3328"),
        "width": 1,
        "bits": 8,
        "acquisition": maker,
        **fields,
    }
    return Mammogram(archive="a", source="disk", image="x", **given)  # type: ignore[arg-type]


def test_equal_values_become_one_object_and_stay_of_their_type() -> None:
    shared = Shared()
    first, second = shared.within(record(mm_per_px=1.0)), shared.within(record(age=1, mm_per_px=float("1")))
    assert (first, second) == (record(mm_per_px=1.0), record(age=1, mm_per_px=1.0))
    for name in ("patient", "height", "acquisition", "mm_per_px"):
        assert getattr(first, name) is getattr(second, name)
    assert type(second.age) is int
    assert type(second.mm_per_px) is float
