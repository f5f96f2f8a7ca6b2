"""results.json: what a run measured, on which data, with which code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from mammo_gan.archives.records import Source, SplitName
from mammo_gan.errors import UserError
from mammo_gan.files import write_text

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One measured number.

    `name` fixes the protocol (a distance by untrained features is not named as one by trained features);
    `value` is None where it could not be measured, and then `note` says why. `interval` is the 95 % confidence
    interval, `n` the number of images or patches behind the value. `figure_or_table` is the paper's, as in
    "Table 1"; `paper_value` is what the paper prints there.
    """

    name: str
    label: str
    value: float | None
    unit: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None
    note: str = ""
    figure_or_table: str = ""
    paper_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """A stage's part of the run; `skipped` = its output was already there."""

    name: str
    key: str
    seconds: float
    skipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a network's pretrained weights came from, as `VGG19_Weights.IMAGENET1K_V1` or `random`."""

    name: str
    random: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchCount:
    """Patches of one class in one split, and the patients and images that they were cut from."""

    split: SplitName
    label: str
    patients: int
    images: int
    patches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionStep:
    """A rule of the selection and the number of images that it left out."""

    rule: str
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Counts of the data used: patients and images after the selection, patches by split and class."""

    patients: int
    images: int
    faulty: int
    selection: tuple[SelectionStep, ...] = ()
    patches: tuple[PatchCount, ...] = ()
    warnings: tuple[str, ...] = ()  # of the preparation, such as patches that lie where others do


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole run. `paper` names the folder under experiments/; holds no path, host name or patient.

    `settings` tell the runs of one study apart, as {"task": "mass", "k": 100, "mode": "gan", "fold": 0}.
    """

    experiment: str
    paper: str
    title: str
    command: str
    scale: str
    preset: str
    archive: str
    source: Source
    seed: int
    split_hash: str
    weights: Weights
    data: Data
    device: str
    precision: str
    versions: Mapping[str, str]
    commit: str | None
    stages: tuple[StageRun, ...]
    values: tuple[Value, ...]
    settings: Mapping[str, int | str] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)  # trainable, by network
    images_per_second: float | None = None  # median over training; None where it did not train
    schema_version: int = SCHEMA_VERSION


def write_results(path: Path, results: Results) -> None:
    """Write results.json beside its target and rename it.

    Raises:
        ValueError: a field does not fit the schema, or a number is not finite.
    """
    try:
        text = json.dumps(asdict(results), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise ValueError(f"{path.name}: NaN and infinity are not results: write None, the reason in `note`") from error
    if fault := _fault(json.loads(text)):
        raise ValueError(f"{path.name}: {fault}")
    write_text(path, text)


def read_results(path: Path) -> Results:
    """Read a results.json of this version.

    Raises:
        UserError: the file is missing, is not JSON, or does not fit the schema.
    """
    advice = "run the experiment's report stage again to write it anew"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: expected a results.json, found none ({error.strerror}); {advice}") from error
    except ValueError as error:
        raise UserError(f"{path}: expected JSON, found a fault ({error}); {advice}") from error
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        raise UserError(f"{path}: expected schema_version {SCHEMA_VERSION}, found {version}; {advice}")
    if fault := _fault(found):
        raise UserError(f"{path}: {fault}; {advice}")
    return _from_json(found)


@cache
def _validator() -> Draft202012Validator:
    schema = resources.files("mammo_gan.reporting").joinpath("results.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(schema))


def _fault(document: object) -> str | None:
    """The first departure from the schema, with its place in the document."""
    errors = sorted(_validator().iter_errors(document), key=lambda error: error.json_path)
    return f"at {errors[0].json_path}: {errors[0].message}" if errors else None


def _from_json(document: dict[str, Any]) -> Results:
    data = document["data"]
    values = (value | {"interval": value["interval"] and tuple(value["interval"])} for value in document["values"])
    return Results(
        **document
        | {
            "weights": Weights(**document["weights"]),
            "data": Data(
                **data
                | {
                    "selection": tuple(SelectionStep(**step) for step in data["selection"]),
                    "patches": tuple(PatchCount(**count) for count in data["patches"]),
                    "warnings": tuple(data["warnings"]),
                }
            ),
            "stages": tuple(StageRun(**stage) for stage in document["stages"]),
            "values": tuple(Value(**value) for value in values),
        }
    )
