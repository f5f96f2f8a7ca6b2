"""Oddities of images that can be read."""

from __future__ import annotations

from typing import Any

from mammo_gan.archives import remarks
from mammo_gan.archives.readings import Reading
from mammo_gan.archives.records import Lesion, Mammogram
from mammo_gan.archives.remarks import RESAMPLED, SWAPPED


def image(name: str, **known: Any) -> Mammogram:
    settings: dict[str, Any] = {"archive": "a", "source": "disk", "patient": "p", "height": 4, "width": 3, "bits": 8}
    return Mammogram(image=name, **settings | known)


def found(*records: Mammogram, same: tuple[str, ...] = (), outside: dict[str, tuple[int, ...]] | None = None) -> list:
    readings = {
        record.image: Reading(
            record.image,
            "",
            (),
            "",
            "same" if record.image in same else record.image,
            (outside or {}).get(record.image, ()),
        )
        for record in records
    }
    return [(remark.file, remark.oddity, remark.found) for remark in remarks.find(records, readings)]


def test_nothing_odd_is_nothing_said() -> None:
    assert found(image("1", view="CC", laterality="L", density="B"), image("2", view="MLO", laterality="L")) == []


def test_the_same_pixels_under_two_names() -> None:
    (one,) = found(image("1"), image("2"), image("3", patient="q"), same=("1", "2"))
    assert one == ("2", "duplicate pixels", "the pixels of 1, of the same patient")
    (other,) = found(image("1"), image("3", patient="q"), same=("1", "3"))
    assert other[2] == "the pixels of 1, of another patient"


def test_a_lesion_beside_its_breast() -> None:
    (one,) = found(image("1"), outside={"1": (2,)})
    assert one[:2] == ("1", "lesion outside its breast")
    assert "lesion 2" in one[2]


def test_a_breast_with_one_view_where_others_have_two() -> None:
    both = (image("1", view="CC", laterality="L"), image("2", view="MLO", laterality="L"))
    (one,) = found(*both, image("3", view="CC", laterality="R"))
    assert one == ("3", "missing view", "CC without the MLO of the same breast")
    assert found(both[0], image("3", view="CC", laterality="R")) == []  # an archive of one view
    assert len(found(*both, image("4", view="CC", laterality="L", study="earlier"))) == 1


def test_densities_of_one_visit_far_apart() -> None:
    (one,) = found(image("1", density="A"), image("2", density="C"))
    assert one == ("1", "implausible density", "A and C in images of one visit")
    assert found(image("1", density="A"), image("2", density="B")) == []
    assert found(image("1", density="A"), image("2", density="D", study="years later")) == []


def test_what_a_reader_has_mended_of_a_mask() -> None:
    lesion = Lesion(number=3, kind="mass", pathology="benign", box=None, description=f"MASS; {SWAPPED}; {RESAMPLED}")
    first, second = found(image("1", lesions=(lesion,)), image("2"))
    assert first == ("1", "mask of another size", f"lesion 3: {RESAMPLED}")
    assert second == ("1", "mask and crop swapped", f"lesion 3: {SWAPPED}")
