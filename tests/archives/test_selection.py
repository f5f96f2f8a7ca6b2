"""Each rule of a selection alone, and the order in which removals are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.archives.selection import (
    InViews,
    LesionsLocated,
    LesionsMasked,
    OfExtents,
    OfKinds,
    PathologyKnown,
    Rule,
    Selection,
)
from mammo_gan.errors import UserError

MASS = Lesion(number=1, kind="mass", pathology="malignant", box=Box(1, 1, 3, 3), has_mask=True)
NORMAL = Mammogram(
    archive="ddsm", source="disk", image="normal", patient="1", height=9, width=9, bits=16, view="CC", laterality="L"
)
WITH_MASS = replace(NORMAL, image="mass", lesions=(MASS,))


def with_second(image: str, **changes: object) -> Mammogram:
    """A usable mass and a second lesion that differs from it."""
    return replace(NORMAL, image=image, lesions=(MASS, replace(MASS, number=2, **changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "removed", "kept"),
    [
        (
            OfKinds(["mass", "calcification"]),
            with_second("x", kind="distortion"),
            with_second("y", kind="calcification"),
        ),
        (PathologyKnown(), with_second("x", pathology="unknown"), with_second("y", pathology="benign")),
        (LesionsLocated(), with_second("x", box=None, has_mask=False), with_second("y", box=None)),
        (LesionsMasked(), with_second("x", has_mask=False), WITH_MASS),
        (InViews(["MLO"]), NORMAL, replace(NORMAL, view="MLO")),
        (InViews(["MLO", "CC"]), replace(NORMAL, view=None), NORMAL),
        (OfExtents(["mammogram"]), replace(NORMAL, extent="patch"), NORMAL),
    ],
)
def test_a_rule_and_its_complement(rule: Rule, removed: Mammogram, kept: Mammogram) -> None:
    selected, removals = Selection([rule]).apply([removed, kept])
    assert selected == [kept]
    assert removals == [(str(rule), 1)]


@pytest.mark.parametrize("rule", [OfKinds(["mass"]), PathologyKnown(), LesionsLocated(), LesionsMasked()])
def test_normal_images_pass_every_rule_about_lesions(rule: Rule) -> None:
    assert rule.keeps(NORMAL)


def test_rules_apply_in_order_and_an_image_is_counted_once() -> None:
    both = with_second("both", kind="other", pathology="unknown")
    records = [both, with_second("unknown", pathology="unknown"), WITH_MASS, NORMAL]
    kinds, known = OfKinds(["mass"]), PathologyKnown()
    kept, removals = Selection([kinds, known]).apply(records)
    assert [record.image for record in kept] == ["mass", "normal"]
    assert removals == [("shows only mass", 1), ("pathology of every lesion is known", 1)]
    assert Selection([known, kinds]).apply(records)[1] == [(str(known), 2), (str(kinds), 0)]


def test_without_rules_all_stay() -> None:
    assert Selection([]).apply([NORMAL]) == ([NORMAL], [])


def test_nothing_left_names_the_rules() -> None:
    with pytest.raises(UserError, match=r"none of the archive's 2 images .* view is MLO: 2"):
        Selection([LesionsMasked(), InViews(["MLO"])]).apply([NORMAL, WITH_MASS])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OfKinds(["masses"]), "kinds: .*mass, calcification.* found masses"),  # type: ignore[list-item]
        (lambda: InViews([]), "views: .*CC, MLO, found none"),
        (lambda: OfExtents(["whole"]), "extents: .* found whole"),  # type: ignore[list-item]
    ],
)
def test_misspelt_rules(make: Callable[[], Rule], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make()
