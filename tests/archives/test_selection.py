"""The order in which rules are applied, what is counted at each, and what is said when nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.archives.rules.images import FreeOf, InViews
from mammo_gan.archives.rules.lesions import LesionsMasked, OfKinds, PathologyKnown
from mammo_gan.archives.selection import Rule, Selection, Step
from mammo_gan.errors import UserError

MASS = Lesion(number=1, kind="mass", pathology="malignant", box=Box(1, 1, 3, 3), has_mask=True)
NORMAL = Mammogram(
    archive="ddsm", source="disk", image="normal", patient="1", height=9, width=9, bits=16, view="CC", laterality="L"
)
WITH_MASS = replace(NORMAL, image="mass", lesions=(MASS,))


def with_second(image: str, **changes: object) -> Mammogram:
    """A usable mass and a second lesion that differs from it."""
    return replace(NORMAL, image=image, lesions=(MASS, replace(MASS, number=2, **changes)))  # type: ignore[arg-type]


def test_rules_apply_in_order_and_an_image_is_counted_once() -> None:
    both = with_second("both", kind="other", pathology="unknown")
    records = [both, with_second("unknown", pathology="unknown"), WITH_MASS, NORMAL]
    kinds, known = OfKinds(["mass"]), PathologyKnown()
    kept, removals = Selection([kinds, known]).apply(records)
    assert [record.image for record in kept] == ["mass", "normal"]
    assert removals == [("shows only mass", 1), ("pathology of every lesion is known", 1)]
    assert Selection([known, kinds]).apply(records)[1] == [(str(known), 2), (str(kinds), 0)]


def test_what_an_archive_does_not_say_is_counted_where_it_is_asked() -> None:
    silent = replace(NORMAL, view=None)
    strict, lenient = FreeOf(["implant"]), FreeOf(["implant"], keep_unknown=True)
    records = [silent, NORMAL, replace(NORMAL, shows=()), replace(NORMAL, shows=("implant",))]
    kept, steps = Selection([lenient, InViews(["CC"]), strict]).steps(records)
    assert kept == [records[2]]
    assert steps == [Step(str(lenient), 1, 2), Step("view is CC (unknown: left out)", 1, 1), Step(str(strict), 1, 1)]


def test_without_rules_all_stay() -> None:
    assert Selection([]).apply([NORMAL]) == ([NORMAL], [])


def test_nothing_left_names_the_rules_and_what_is_unknown() -> None:
    with pytest.raises(UserError, match=r"none of the archive's 2 images .* view is MLO \(unknown: left out\): 2\. "):
        Selection([LesionsMasked(), InViews(["MLO"])]).apply([NORMAL, WITH_MASS])
    with pytest.raises(UserError, match=r"shows no clip .*: 2 \(of 2 images the archive doesn't say it\)\. "):
        Selection([FreeOf(["clip"])]).apply([NORMAL, WITH_MASS])


class _Hashed(Rule):
    """Removes an arbitrary part of the images."""

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus

    def keeps(self, record: Mammogram) -> bool:
        return int(record.image) % self.modulus != 0


@given(st.lists(st.integers(2, 6), max_size=4), st.integers(1, 60))
def test_removed_and_kept_add_up_and_order_does_not_decide_who_stays(moduli: list[int], images: int) -> None:
    records = [replace(NORMAL, image=str(number)) for number in range(1, images + 1)]
    rules = [_Hashed(modulus) for modulus in moduli]
    kept, steps = Selection(rules).steps(records)  # image 1 always stays
    assert len(kept) + sum(step.removed for step in steps) == images
    assert kept == [record for record in records if all(int(record.image) % modulus for modulus in moduli)]
    assert Selection(rules[::-1]).steps(records)[0] == kept
