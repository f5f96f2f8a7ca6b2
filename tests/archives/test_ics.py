"""DDSM's case files, on the publisher's own example and its variants."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.ics import Film, parse_ics
from mammo_gan.errors import UserError

# Figure 2 of DDSM's description of a case.
EXAMPLE = """\
ics_version 1.0
filename B-3024-1
DATE_OF_STUDY 2 7 1995
PATIENT_AGE 42
FILM
FILM_TYPE REGULAR
DENSITY 4
DATE_DIGITIZED 7 22 1997
DIGITIZER LUMISYS
SELECTED
LEFT_CC LINES 4696 PIXELS_PER_LINE 3024 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY
LEFT_MLO LINES 4688 PIXELS_PER_LINE 3048 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY
RIGHT_CC LINES 4624 PIXELS_PER_LINE 3056 BITS_PER_PIXEL 12 RESOLUTION 43.5 NON_OVERLAY
RIGHT_MLO LINES 4664 PIXELS_PER_LINE 3120 BITS_PER_PIXEL 12 RESOLUTION 0 NON_OVERLAY
"""


def test_the_publishers_example() -> None:
    case = parse_ics(EXAMPLE, "B-3024-1")
    assert (case.name, case.age, case.density, case.scanner) == ("B-3024-1", 42, "D", "lumisys")
    assert case.films[0] == Film("B_3024_1.LEFT_CC", "CC", "L", 4696, 3024, 50.0, overlay=True)
    assert [film.name.partition(".")[2] for film in case.films] == ["LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO"]
    assert [film.overlay for film in case.films] == [True, True, False, False]
    assert [film.um_per_px for film in case.films] == [50.0, 50.0, 43.5, None]
    assert {film.laterality for film in case.films if film.name.endswith("RIGHT_MLO")} == {"R"}


@pytest.mark.parametrize(
    ("value", "density"), [("1", "A"), ("2", "B"), ("3", "C"), ("4", "D"), ("0", None), ("5", None), ("", None)]
)
def test_densities(value: str, density: str | None) -> None:
    assert parse_ics(EXAMPLE.replace("DENSITY 4", f"DENSITY {value}"), "B-3024-1").density == density


@pytest.mark.parametrize(("value", "age"), [("00", None), ("077", 77), ("unknown", None), ("999", None)])
def test_ages(value: str, age: int | None) -> None:
    assert parse_ics(EXAMPLE.replace("AGE 42", f"AGE {value}"), "B-3024-1").age == age


@pytest.mark.parametrize(
    ("letter", "digitizer", "scanner"),
    [
        ("A", "DBA M2100 ImageClear", "dba"),
        ("A", "HOWTEK 960", "howtek-mgh"),
        ("B", "LUMISYS LASER", "lumisys"),
        ("C", "LUMISYS LASER_DENSOTOMETER", "lumisys"),
        ("D", "HOWTEK MultiRad850", "howtek-ismd"),
        ("D", "", "howtek-ismd"),
        ("C", "", "lumisys"),
    ],
)
def test_scanners(letter: str, digitizer: str, scanner: str) -> None:
    text = EXAMPLE.replace("DIGITIZER LUMISYS", f"DIGITIZER {digitizer}")
    assert parse_ics(text, f"{letter}-3024-1").scanner == scanner


@pytest.mark.parametrize(("letter", "digitizer"), [("A", ""), ("A", "LUMISYS"), ("B", "HOWTEK"), ("D", "DBA")])
def test_a_scanner_without_calibration_is_refused(letter: str, digitizer: str) -> None:
    with pytest.raises(UserError, match="DIGITIZER"):
        parse_ics(EXAMPLE.replace("DIGITIZER LUMISYS", f"DIGITIZER {digitizer}"), f"{letter}-3024-1")


def test_a_film_without_size_is_no_film() -> None:
    case = parse_ics(EXAMPLE.replace("LINES 4696", "LINES 0"), "B-3024-1")
    assert case.films[0].name == "B_3024_1.LEFT_MLO"


@pytest.mark.parametrize(
    ("text", "stem", "expected"),
    [
        (EXAMPLE, "notes", "such as A-1141-1.ics"),
        ("", "B-3024-1", "found none"),
        (EXAMPLE + "LEFT_CC LINES 1 PIXELS_PER_LINE 1\n", "B-3024-1", "found two"),
        (EXAMPLE.replace("LINES 4696", "LINES x"), "B-3024-1", "LINES and PIXELS_PER_LINE of B_3024_1.LEFT_CC"),
        (EXAMPLE.replace("LINES 4696", "LINES 999999"), "B-3024-1", "LINES and PIXELS_PER_LINE"),
    ],
)
def test_unreadable_cases_say_what_was_expected(text: str, stem: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        parse_ics(text, stem)


WORDS = [
    "LEFT_CC",
    "RIGHT_MLO",
    "LINES",
    "PIXELS_PER_LINE",
    "RESOLUTION",
    "OVERLAY",
    "DENSITY",
    "PATIENT_AGE",
    "DIGITIZER",
]


@given(
    st.lists(st.sampled_from([*WORDS, "LUMISYS", " ", "\n", "\u00b2", "0", "-1", "1e9", "nan"]) | st.text(max_size=5)),
    st.sampled_from(["B-3024-1", "A_0001_1"]) | st.text(alphabet=string.printable, max_size=9),
)
def test_any_text_gives_a_case_or_a_user_error(words: list[str], stem: str) -> None:
    try:
        case = parse_ics(" ".join(words), stem)
    except UserError:
        return
    assert all(film.height > 0 and film.width > 0 for film in case.films)
