"""Headers of OPTIMAM images as JSON, and the reader without its extra."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.optimam_header import parse_header
from mammo_gan.errors import UserError
from tests.archives.optimam_miniature import Image, episode, write_client

SIZE: dict[str, Any] = {"00280010": {"vr": "US", "Value": [3328]}, "00280011": {"vr": "US", "Value": [2560]}}


@pytest.mark.parametrize(
    ("text", "age"), [("057Y", 57), ("690M", 57), ("100W", 1), ("800D", 2), ("Y", None), ("", None), ("999Y", None)]
)
def test_ages(text: str, age: int | None) -> None:
    assert parse_header({**SIZE, "00101010": {"vr": "AS", "Value": [text]}}).age == age


@pytest.mark.parametrize(
    ("spacing", "mm_per_px"), [([0.07, 0.07], 0.07), (["0.1", "0.1"], 0.1), ([0.1, 0.2], None), ([0.1], None)]
)
def test_spacing_is_one_number_or_unknown(spacing: list[Any], mm_per_px: float | None) -> None:
    assert parse_header({**SIZE, "00181164": {"vr": "DS", "Value": spacing}}).mm_per_px == mm_per_px


def test_what_the_header_lacks_is_unknown() -> None:
    header = parse_header({**SIZE, "00185101": {"vr": "CS", "Value": ["XCCL"]}, "00181151": {"vr": "IS", "Value": [0]}})
    assert (header.height, header.width) == (3328, 2560)
    assert (header.view, header.laterality, header.age, header.shows) == (None, None, None, None)
    assert (header.acquisition.tube_current, header.acquisition.for_presentation) == (None, None)


def test_tags_go_by_either_case() -> None:
    header = parse_header({**SIZE, "0018115a": {}, "00200062": {"vr": "CS", "Value": ["R "]}})
    assert header.laterality == "R"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["vr", "Value"]), inner),
    max_leaves=4,
)
TAGS = ("00280010", "00280011", "00185101", "00200062", "00101010", "00181164", "00080070", "00181151", "00281300")


@given(st.dictionaries(st.sampled_from(TAGS), VALUES | st.fixed_dictionaries({"Value": st.lists(VALUES, max_size=2)})))
def test_any_json_gives_a_header_or_our_error(attributes: dict[str, Any]) -> None:
    try:
        header = parse_header(attributes)
    except UserError:
        return
    assert min(header.height, header.width) >= 1


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1")])
    monkeypatch.setitem(sys.modules, "omidb.client_parser", None)
    with pytest.raises(UserError, match=r"pip install 'mammo-gan\[optimam\]'"):
        list(OPTIMAM().scan(tmp_path))
