"""Tables as spreadsheets write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.table import Row, parse_table
from mammo_gan.errors import UserError

REQUIRED, OPTIONAL = ("image", "patient"), ("label", "mm_per_px")


def parsed(text: str) -> list[Row]:
    rows, faulty = parse_table(text, REQUIRED, OPTIONAL)
    assert not faulty
    return rows


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(separator: str) -> None:
    (row,) = parsed(separator.join(["image", "patient"]) + "\r\n" + separator.join(["a.png", "p1"]) + "\r\n")
    assert (row["image"], row["patient"], row["label"]) == ("a.png", "p1", "")


def test_line_breaks_in_cells_capitals_blank_rows_and_empty_columns() -> None:
    rows = parsed('Image ,PATIENT,"label\n",,\n"a.png\n",p1,"benign\n",,\n,,,,\nb.png,p2,,,\n')
    assert [row["image"] for row in rows] == ["a.png", "b.png"]
    assert [row.number for row in rows] == [2, 4]  # as the spreadsheet counts them
    assert rows[0]["label"] == "benign"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image,patinet\n", "unknown column 'patinet'; the nearest valid one is 'patient'"),
        ("image,label\na,b\n", "expected the column patient, found image, label"),
        ("", "expected the column image, found an empty table"),
        ("image,patient,label,label\n", "each column once"),
        ("image,patient\n\0,b\n" + "x" * 200_000, "can't be parsed"),
    ],
)
def test_unusable_headers_are_named(text: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        parse_table(text, REQUIRED, OPTIONAL)


def test_a_row_with_too_many_cells_is_named_and_the_others_kept() -> None:
    rows, faulty = parse_table("image,patient\na,b\nc,d,e\nf,g\n", REQUIRED, OPTIONAL)
    assert [row["image"] for row in rows] == ["a", "f"]
    assert faulty == {3: "3 cells under 2 columns"}


def test_numbers() -> None:
    row = Row(7, {"a": "0.07", "b": "0,07", "c": "", "d": "wide", "e": "nan", "f": "inf"})
    assert [row.number_in(column) for column in "abc"] == [0.07, 0.07, None]
    for column in "def":
        with pytest.raises(UserError, match=f"row 7: expected a number in column {column}"):
            row.number_in(column)


def test_choices() -> None:
    row = Row(7, {"view": "mlo", "other": "malign"})
    assert row.choice_in("view", ("CC", "MLO")) == "MLO"
    assert row.choice_in("none", ("CC", "MLO")) is None
    with pytest.raises(UserError, match=r"row 7: .* nearest valid one is 'malignant'"):
        row.choice_in("other", ("malignant", "benign"))


@given(st.text(alphabet='image,patient;label\t\n\r"\0 0123456789.\u00e9', max_size=80) | st.text(max_size=80))
def test_any_text_gives_rows_or_a_user_error(text: str) -> None:
    for start in ("", "image,patient\n", "image;patient;label\n"):
        with suppress(UserError):
            rows, _ = parse_table(start + text, REQUIRED, OPTIONAL)
            assert all(row.number > 1 for row in rows)
