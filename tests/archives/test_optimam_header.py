"""Headers of OPTIMAM images as JSON, and the reader without its extra."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.optimam_header import parse_header, read_dicom_header, read_json_header
from mammo_gan.errors import UserError
from mammo_gan.imaging.dicom_header import DicomHeader, elements_of_json
from tests.archives.optimam_miniature import Image, episode, write_client

SIZE: dict[str, Any] = {"00280010": {"vr": "US", "Value": [3328]}, "00280011": {"vr": "US", "Value": [2560]}}


def parsed(attributes: dict[str, Any]) -> DicomHeader:
    return parse_header(elements_of_json({**SIZE, **attributes}))


@pytest.mark.parametrize("image", [Image(name="1.2.3"), Image(name="1.2.3", side="R", view="MLO", header={"Rows": 7})])
def test_json_and_dicom_say_the_same(tmp_path: Path, image: Image) -> None:
    (path,) = write_client(tmp_path, "demd1", {"500": episode()}, [image])
    file = tmp_path / "data" / "demd1" / image.study / f"{image.name}.json"
    header = parse_header(read_json_header(file))
    assert header == parse_header(read_dicom_header(tmp_path / path))
    assert (header.manufacturer, header.tube_current, header.bits_stored) == ("HOLOGIC, Inc.", 100, 12)


@pytest.mark.parametrize(
    ("text", "age"), [("057Y", 57), ("690M", 57), ("800D", None), ("999Y", None), ("Y", None), ("52", None), ("", None)]
)
def test_ages(text: str, age: int | None) -> None:
    assert parsed({"00101010": {"vr": "AS", "Value": [text]}}).age == age


@pytest.mark.parametrize(
    ("spacing", "mm_per_px"), [([0.07, 0.07], 0.07), (["0.1", "0.1"], 0.1), ([0.1, 0.2], None), ([0.1], None)]
)
def test_spacing_is_one_number_or_unknown(spacing: list[Any], mm_per_px: float | None) -> None:
    assert parsed({"00181164": {"vr": "DS", "Value": spacing}}).mm_per_px == mm_per_px


def test_what_the_header_lacks_is_unknown() -> None:
    header = parsed({"00185101": {"vr": "CS", "Value": ["XCCL"]}, "00181151": {"vr": "IS", "Value": [0]}})
    assert header == DicomHeader(height=3328, width=2560, view_position="XCCL")


def test_tags_go_by_either_case() -> None:
    series = {"vr": "LO", "Value": ["R CC "]}
    lower, upper = (parsed({tag: series, "0018115a": {}}) for tag in ("0008103e", "0008103E"))
    assert lower.series_description == upper.series_description == "R CC"


@pytest.mark.parametrize("size", [{}, {"vr": "US"}, {"vr": "US", "Value": [0]}, {"vr": "US", "Value": [10**9]}])
def test_a_header_without_size_is_refused(size: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected Rows and Columns"):
        parsed({"00280010": size})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["vr", "Value"]), inner),
    max_leaves=4,
)
TAGS = ("00280010", "00280011", "00185101", "00200062", "00101010", "00181164", "00080070", "00181151", "00281300")


@given(st.dictionaries(st.sampled_from(TAGS), VALUES | st.fixed_dictionaries({"Value": st.lists(VALUES, max_size=2)})))
def test_any_json_gives_a_header_or_our_error(attributes: dict[str, Any]) -> None:
    try:
        header = parse_header(elements_of_json(attributes))
    except UserError:
        return
    assert min(header.height, header.width) >= 1


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1")])
    monkeypatch.setitem(sys.modules, "omidb.client_parser", None)
    with pytest.raises(UserError, match=r"pip install 'mammo-gan\[optimam\]'"):
        list(OPTIMAM().scan(tmp_path))
