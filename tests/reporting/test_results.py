from __future__ import annotations

import dataclasses
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from mammo_gan.errors import UserError
from mammo_gan.reporting.results import (
    Data,
    PatchCount,
    Results,
    SelectionStep,
    StageRun,
    Value,
    Weights,
    read_results,
    write_results,
)
from tests.reporting import examples


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_results(tmp_path / "results.json", examples.results())
    return tmp_path / "results.json"


def changed(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_what_is_read_is_what_was_written(written: Path) -> None:
    assert read_results(written) == examples.results()


def test_schema_names_the_fields_of_the_dataclasses() -> None:
    schema = json.loads(resources.files("mammo_gan.reporting").joinpath("results.schema.json").read_text())
    parts = {
        Results: schema,
        Weights: schema["properties"]["weights"],
        Data: schema["properties"]["data"],
        SelectionStep: schema["properties"]["data"]["properties"]["selection"]["items"],
        PatchCount: schema["properties"]["data"]["properties"]["patches"]["items"],
        StageRun: schema["properties"]["stages"]["items"],
        Value: schema["properties"]["values"]["items"],
    }
    for kind, part in parts.items():
        names = {field.name for field in dataclasses.fields(kind)}
        assert set(part["properties"]) == names, kind
        assert set(part["required"]) == names, kind


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (Value(name="fid_768", label="FID-768", value=float("nan")), "NaN"),
        (Value(name="fid_768", label="FID-768", value=None), "note"),
        (Value(name="fid 768", label="FID-768", value=1.0), "name"),
    ],
)
def test_a_wrong_value_is_refused_and_the_file_before_stays(written: Path, value: Value, complaint: str) -> None:
    before = written.read_bytes()
    with pytest.raises(ValueError, match=complaint):
        write_results(written, dataclasses.replace(examples.results(), values=(value,)))
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_unreadable_results_say_where_and_what(written: Path) -> None:
    with pytest.raises(UserError, match=r"expected schema_version 1, found 2"):
        read_results(changed(written, schema_version=2))
    with pytest.raises(UserError, match=r"\$\.seed"):
        read_results(changed(written, schema_version=1, seed="one"))
    with pytest.raises(UserError, match="hostname"):
        read_results(changed(written, seed=1, hostname="here"))
    written.write_text("{")
    with pytest.raises(UserError, match="expected JSON"):
        read_results(written)
    with pytest.raises(UserError, match="found none"):
        read_results(written.with_name("absent.json"))
