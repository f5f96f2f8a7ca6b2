"""Each rule alone: an image that it removes, one that it keeps, and what becomes of the unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mammo_gan.archives.records import Acquisition, Mammogram
from mammo_gan.archives.rules.acquisition import (
    AtMagnification,
    AtTubeCurrent,
    ForPresentation,
    MadeBy,
    OfModels,
    plain_name,
)
from mammo_gan.archives.rules.images import AttributesKnown, FreeOf, InViews, OfExtents
from mammo_gan.archives.rules.lesions import LesionsLocated, LesionsMasked, OfKinds, PathologyKnown, Showing
from mammo_gan.archives.selection import Rule, Selection
from mammo_gan.errors import UserError
from tests.archives.test_selection import MASS, NORMAL, WITH_MASS, with_second

TABLE_2 = Acquisition(
    manufacturer="HOLOGIC, Inc.", model="Lorad Selenia", tube_current=100.0, magnification=1.0, for_presentation=True
)


def taken(**changes: object) -> Mammogram:
    """An image taken as alyafi2019's Table 2 wants it, but for these changes."""
    return replace(NORMAL, image="taken", acquisition=replace(TABLE_2, **changes))  # type: ignore[arg-type]


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
        (
            Showing(["mass"], ["malignant"]),
            replace(NORMAL, lesions=(replace(MASS, pathology="benign"), replace(MASS, kind="calcification"))),
            with_second("y", kind="calcification", pathology="benign"),
        ),
        (InViews(["MLO"]), NORMAL, replace(NORMAL, view="MLO")),
        (InViews(["MLO", "CC"]), replace(NORMAL, view=None), NORMAL),
        (OfExtents(["mammogram"]), replace(NORMAL, extent="patch"), NORMAL),
        (FreeOf(["implant"]), replace(NORMAL, shows=("clip", "implant")), replace(NORMAL, shows=("clip",))),
        (FreeOf(["implant"]), replace(NORMAL, shows=None), replace(NORMAL, shows=())),
        (FreeOf(["clip"], keep_unknown=True), replace(NORMAL, shows=("clip",)), replace(NORMAL, shows=None)),
        (AttributesKnown(["view", "density"]), NORMAL, replace(NORMAL, density="B")),
        (MadeBy(["Hologic, Inc"]), taken(manufacturer="LORAD, A Hologic Company"), taken()),
        (MadeBy(["Siemens", "Hologic"]), taken(manufacturer="GE MEDICAL SYSTEMS"), taken(manufacturer="SIEMENS")),
        (OfModels(["Lorad Selenia"]), taken(model="Selenia Dimensions"), taken(model="LORAD  Selenia")),
        (OfModels(["Selenia"]), taken(), taken(model="Selenia")),
        (AtTubeCurrent(100), taken(tube_current=101.0), taken()),
        (AtMagnification(1), taken(magnification=1.0304), taken()),
        (ForPresentation(), taken(for_presentation=False), taken()),
    ],
)
def test_a_rule_and_its_complement(rule: Rule, removed: Mammogram, kept: Mammogram) -> None:
    selected, removals = Selection([rule]).apply([removed, kept])
    assert selected == [kept]
    assert removals == [(str(rule), 1)]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (MadeBy(["Hologic"]), "manufacturer"),
        (OfModels(["Lorad Selenia"]), "model"),
        (AtTubeCurrent(100), "tube_current"),
        (AtMagnification(1.0), "magnification"),
        (ForPresentation(), "for_presentation"),
    ],
)
def test_an_image_of_unknown_acquisition_is_left_out_and_counted_as_unknown(rule: Rule, field: str) -> None:
    for unknown in (taken(**{field: None}), NORMAL):
        assert not rule.keeps(unknown)
        assert not rule.knows(unknown)
    assert rule.keeps(taken())
    assert rule.knows(taken())
    assert "(unknown: left out)" in str(rule)


@pytest.mark.parametrize(
    "rule", [OfKinds(["mass"]), PathologyKnown(), LesionsLocated(), LesionsMasked(), Showing(["mass"], ["malignant"])]
)
def test_normal_images_pass_every_rule_about_lesions(rule: Rule) -> None:
    assert rule.keeps(NORMAL)
    assert rule.knows(NORMAL)


def test_a_mass_of_unknown_pathology_is_no_malignant_one_but_is_counted_as_unknown() -> None:
    rule = Showing(["mass"], ["malignant"])
    unknown = replace(NORMAL, lesions=(replace(MASS, pathology="unknown"),))
    assert not rule.keeps(unknown)
    assert not rule.knows(unknown)
    assert rule.knows(replace(NORMAL, lesions=(replace(MASS, pathology="benign"),)))
    assert Showing(["mass"], ["malignant", "unknown"]).keeps(unknown)


@pytest.mark.parametrize("name", ["Hologic, Inc", "HOLOGIC, Inc.", "hologic inc", " Hologic "])
def test_a_makers_name_is_one_name_however_written(name: str) -> None:
    assert plain_name(name) == "hologic"


def test_the_legal_form_alone_is_a_name() -> None:
    assert plain_name("Co.") == "co"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OfKinds(["masses"]), "kinds: .*mass, calcification.* found masses"),  # type: ignore[list-item]
        (lambda: OfKinds("mass"), "kinds: expected a list .* found mass"),  # type: ignore[arg-type]
        (lambda: Showing(["mass"], ["bad"]), "pathologies: .* found bad"),  # type: ignore[list-item]
        (lambda: InViews([]), "views: .*CC, MLO, found none"),
        (lambda: OfExtents(["whole"]), "extents: .* found whole"),  # type: ignore[list-item]
        (lambda: FreeOf(["pacemaker"]), "things: .*implant, clip, foreign body, found pacemaker"),  # type: ignore[list-item]
        (lambda: AttributesKnown(["mask size"]), "attributes: .* found mask size"),
        (lambda: MadeBy("Hologic"), "manufacturers: expected a list of one name or several, found Hologic"),
        (lambda: OfModels([" "]), "models: .* found"),
        (lambda: AtTubeCurrent(0), "milliamperes: expected a number above 0, found 0"),
        (lambda: AtMagnification(float("nan")), "factor: .* found nan"),
    ],
)
def test_misspelt_rules(make: Callable[[], Rule], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make()
