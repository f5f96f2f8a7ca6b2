from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mammo_gan.archives.phantom import second_lesion
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import Patient, draw_patient
from mammo_gan.archives.phantom.second_lesion import TwoLesions, describe_second, draw_two

GRID, SEED = Grid(192, 105), 5


def affected(number: int) -> Patient:
    return draw_patient(number, SEED, {"benign": 1.0}, {"B": 0.5, "C": 0.5}, 0.5)


def drawn(number: int, kind: str = "mass") -> tuple[Patient, Finding, TwoLesions]:
    patient = affected(number)
    second = describe_second(patient, "mass" if kind == "mass" else "calcification", "malignant", SEED)
    found = draw_two(patient, second, "CC", GRID, SEED)
    assert found is not None
    return patient, second, found


@pytest.mark.parametrize("number", range(1, 7))
def test_the_first_lesion_stays_and_the_second_comes_beside_it(number: int) -> None:
    patient, _, two = drawn(number)
    assert patient.affected is not None
    alone = draw_film(patient, patient.affected, "CC", GRID, SEED)
    assert alone.lesion is not None
    np.testing.assert_array_equal(two.first, alone.lesion)
    np.testing.assert_array_equal(two.intensity[two.first], alone.intensity[two.first])
    assert two.second.any()
    around = cv2.dilate(two.second.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not (around & two.first).any()


@pytest.mark.parametrize("kind", ["mass", "calcification"])
def test_elsewhere_the_film_is_that_of_the_breast_without_lesion(kind: str) -> None:
    patient, _, two = drawn(2, kind)
    assert patient.affected is not None
    healthy = draw_film(replace(patient, finding=None), patient.affected, "CC", GRID, SEED)
    elsewhere = ~(two.first | two.second)
    np.testing.assert_array_equal(two.intensity[elsewhere], healthy.intensity[elsewhere])
    brighter = two.intensity[two.second].astype(int) - healthy.intensity[two.second]
    assert brighter.min() >= 0
    assert brighter.mean() > 100


def test_it_is_the_same_lesion_in_both_views() -> None:
    patient = affected(3)
    first, again = (describe_second(patient, "calcification", "malignant", SEED) for _ in range(2))
    assert first == again
    assert (first.kind, first.pathology) == ("calcification", "malignant")
    assert first != describe_second(affected(4), "calcification", "malignant", SEED)


def test_without_a_place_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_lesion, "_APART", 500.0)
    patient = affected(1)
    second = describe_second(patient, "mass", "malignant", SEED)
    assert draw_two(patient, second, "CC", GRID, SEED) is None


def test_a_healthy_breast_has_no_second_lesion() -> None:
    patient = affected(1)
    second = describe_second(patient, "mass", "malignant", SEED)
    with pytest.raises(ValueError, match="needs a first"):
        draw_two(replace(patient, affected=None, finding=None), second, "CC", GRID, SEED)
