"""DDSM's overlays: outlines, descriptions, known errors, truncation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.overlay import parse_overlay
from mammo_gan.archives.records import Box
from mammo_gan.errors import UserError
from tests.archives.miniature import SQUARE, overlay_text

MASS = ("MASS SHAPE IRREGULAR MARGINS SPICULATED", "MALIGNANT")
CALCIFICATION = ("CALCIFICATION TYPE PUNCTATE DISTRIBUTION CLUSTERED", "BENIGN")
# As in case B-3077-1: two types, a boundary and cores (indented), and as in B_3469_1.RIGHT_CC: a wrong total.
TWO_TYPES = f"""\
TOTAL_ABNORMALITIES 1
ABNORMALITY 1
LESION_TYPE CALCIFICATION TYPE FINE_LINEAR_BRANCHING DISTRIBUTION LINEAR
LESION_TYPE MASS SHAPE ARCHITECTURAL_DISTORTION MARGINS N/A
ASSESSMENT 4
SUBTLETY 5
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 9
BOUNDARY
{SQUARE}
\tCORE
18 14 2 4 6 0 #
\tCORE
20 16 2 4 6 0 #
"""


def test_a_chain_is_read_as_column_then_row() -> None:
    (abnormality,) = parse_overlay(overlay_text([MASS]))
    assert abnormality.box(96, 64) == Box(16, 12, 26, 22)
    assert abnormality.boundaries[0][0].tolist() == [16, 12]
    assert abnormality.boundaries[0][-1].tolist() == [16, 12]


def test_two_types_cores_and_a_wrong_total() -> None:
    (abnormality,) = parse_overlay(TWO_TYPES)
    assert abnormality.kind == "calcification"
    assert abnormality.description.count(";") == 1
    assert abnormality.assessment == 4
    assert len(abnormality.boundaries) == 1
    assert len(abnormality.cores) == 2
    assert abnormality.box(96, 64) == Box(16, 12, 26, 22)


def test_all_abnormalities_come_with_their_numbers() -> None:
    first, second = parse_overlay(overlay_text([MASS, CALCIFICATION]))
    assert (first.number, first.kind, first.pathology) == (1, "mass", "malignant")
    assert (second.number, second.kind, second.pathology) == (2, "calcification", "benign")


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        ("MASS SHAPE ROUND MARGINS OBSCURED", "mass"),
        ("MASS SHAPE IRREGULAR-ARCHITECTURAL_DISTORTION MARGINS SPICULATED", "mass"),
        ("MASS SHAPE ARCHITECTURAL_DISTORTION MARGINS N/A", "distortion"),
        ("MASS SHAPE FOCAL_ASYMMETRIC_DENSITY MARGINS N/A", "asymmetry"),
        ("MASS SHAPE", "mass"),
        ("CALCIFICATION", "calcification"),
        ("OTHER", "other"),
        ("", "other"),
    ],
)
def test_kinds(types: str, kind: str) -> None:
    assert parse_overlay(overlay_text([(types, "BENIGN")]))[0].kind == kind


@pytest.mark.parametrize(
    ("written", "pathology"),
    [("BENIGN_WITHOUT_CALLBACK", "benign"), ("UNPROVEN", "unknown"), ("MALIGNANT", "malignant")],
)
def test_pathologies(written: str, pathology: str) -> None:
    assert parse_overlay(overlay_text([(MASS[0], written)]))[0].pathology == pathology


def test_a_chain_may_be_broken_into_lines_and_end_without_a_space() -> None:
    broken = SQUARE.replace("4 4 4", "4\n4 4", 1).replace(" #", "#")
    (abnormality,) = parse_overlay(overlay_text([MASS], broken))
    assert np.array_equal(abnormality.boundaries[0], parse_overlay(overlay_text([MASS]))[0].boundaries[0])


def test_an_outline_is_cut_off_at_the_film_and_refused_beside_it() -> None:
    (abnormality,) = parse_overlay(overlay_text([MASS]))
    assert abnormality.box(96, 24) == Box(16, 12, 24, 22)
    for height, width in ((12, 64), (96, 16), (96, 10)):
        with pytest.raises(UserError, match="abnormality 1 within a film"):
            abnormality.box(height, width)


@pytest.mark.parametrize("text", [overlay_text([MASS, CALCIFICATION]), TWO_TYPES], ids=["two findings", "cores"])
def test_a_truncated_overlay_never_passes_for_a_whole_one(text: str) -> None:
    whole = [(found.number, found.pathology, found.box(96, 64)) for found in parse_overlay(text)]
    refused = 0
    for length in range(len(text)):
        try:
            found = [(found.number, found.pathology, found.box(96, 64)) for found in parse_overlay(text[:length])]
        except UserError:
            refused += 1
        else:
            assert found == whole
    assert refused > 0.8 * len(text.split("CORE")[0])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("PATHOLOGY MALIGNANT", "PATHOLOGY MALIGN", "expected PATHOLOGY"),
        ("PATHOLOGY MALIGNANT", "", "expected a PATHOLOGY of abnormality 1"),
        ("BOUNDARY", "BOUNDRY", "expected a BOUNDARY of abnormality 1"),
        ("ABNORMALITY 1 ", "ABNORMALITY one", "ABNORMALITY and a number"),
        ("TOTAL_ABNORMALITIES 1", "TOTAL_ABNORMALITIES 2", "expected 2 abnormalities"),
        ("16 12 2", "16 12 8", "codes 0 to 7"),
        ("16 12 2", "-16 12 2", "chain code"),
        ("16 12 2", "16 1.5 2", "COLUMN ROW"),
    ],
)
def test_unreadable_overlays_say_what_was_expected(old: str, new: str, expected: str) -> None:
    text = overlay_text([MASS])
    assert old in text
    with pytest.raises(UserError, match=expected):
        parse_overlay(text.replace(old, new))


def test_garbage_and_an_empty_file_are_refused() -> None:
    for text in ("", "\0\x01binary\xff", "BOUNDARY\n1 2 #"):
        with pytest.raises(UserError):
            parse_overlay(text)


KEYS = ["TOTAL_ABNORMALITIES 1", "ABNORMALITY 1", "BOUNDARY", "CORE", "PATHOLOGY BENIGN", "LESION_TYPE MASS SHAPE", "#"]


@given(st.lists(st.sampled_from([*KEYS, SQUARE, "5 5 0 #", "\u00b2 1 #", "999999 1 2 #"]) | st.text(max_size=6)))
def test_any_text_gives_abnormalities_or_a_user_error(lines: list[str]) -> None:
    try:
        for abnormality in parse_overlay("\n".join(lines)):
            abnormality.box(96, 64)
    except UserError:
        pass
