from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from mammo_gan.archives import readings
from mammo_gan.archives.readings import Reading
from mammo_gan.archives.records import Box, Lesion, Mammogram

RECORD = Mammogram(archive="a", source="disk", image="x.png", patient="p", height=2, width=3, bits=8)


def reading(root: Path, *files: str) -> Reading:
    return Reading("x.png", readings.digest(RECORD), files, readings.state(root, files), "0f", (1,))


def test_a_digest_is_of_all_that_a_record_says() -> None:
    """By hand, so that readings of an earlier version hold."""
    record = replace(
        RECORD, lesions=(Lesion(number=1, kind="mass", pathology="benign", box=Box(1, 2, 3, 4)),), shows=()
    )
    said = json.dumps(asdict(record), sort_keys=True)
    assert readings.digest(record) == hashlib.sha256(said.encode()).hexdigest()[:16]


def test_holds_until_a_file_or_the_record_changes(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"image")
    (tmp_path / "m.png").write_bytes(b"mask")
    found = reading(tmp_path, "x.png", "m.png")
    assert found.holds(tmp_path, RECORD)
    assert not found.holds(tmp_path, replace(RECORD, density="B"))
    os.utime(tmp_path / "m.png", ns=(1, 1))
    assert not found.holds(tmp_path, RECORD)
    (tmp_path / "m.png").unlink()
    assert not found.holds(tmp_path, RECORD)


def test_an_unsteady_one_never_holds(tmp_path: Path) -> None:
    assert not Reading("x.png", readings.digest(RECORD), (), "", "0f", ()).holds(tmp_path, RECORD)


def test_is_kept_and_found_again(tmp_path: Path) -> None:
    kept = [reading(tmp_path, "x.png"), Reading("y.png", "1", (), "2", "3", ())]
    readings.write(tmp_path / "readings.parquet", kept)
    assert readings.read(tmp_path / "readings.parquet") == kept


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    assert readings.read(tmp_path / "missing.parquet") == []
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    assert readings.read(tmp_path / "broken.parquet") == []
