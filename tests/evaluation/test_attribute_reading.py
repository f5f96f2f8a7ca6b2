from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score  # type: ignore[import-untyped]

from mammo_gan.evaluation.attribute_reading import compare
from mammo_gan.evaluation.reading_off import COLUMNS, Readings


def readings(categories: int, count: int = 300, seed: int = 0, unknown: float = 0.2) -> Readings:
    rng = np.random.default_rng(seed)
    known = rng.choice(categories, count, p=np.r_[0.6, np.full(categories - 1, 0.4 / (categories - 1))])
    scores = rng.normal(size=(count, categories))
    scores[np.arange(count), known] += 1.5
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    known[rng.random(count) < unknown] = -1
    return Readings("density", "ABCD"[:categories], shares, known)


@pytest.mark.parametrize("categories", [2, 4])
def test_values_are_those_of_another_library(categories: int) -> None:
    read = readings(categories)
    owners = [f"p{k // 4}" for k in range(300)]
    values = {value["name"]: value for value in compare("real", read, owners, resamples=300, seed=1)}
    rows = read.known >= 0
    right = accuracy_score(read.known[rows], read.probabilities[rows].argmax(1))
    found = values["attribute/real/density/accuracy"]
    assert found["value"] == pytest.approx(right)
    assert found["n"] == rows.sum() < 300
    assert found["interval"][0] < right < found["interval"][1]
    assert f"{(read.known == 0).sum()} A" in found["note"]
    chance = values["attribute/real/density/chance"]
    assert chance["value"] == pytest.approx((read.known[rows] == 0).mean())
    assert chance["note"] == "who always says A"
    if categories == 2:
        area = values.pop("attribute/real/density/auc")
        assert area["value"] == pytest.approx(roc_auc_score(read.known[rows], read.probabilities[rows, 1]))
        assert area["interval"][0] < area["value"] < area["interval"][1]
    assert len(values) == 2


def test_images_of_one_patient_count_less_than_as_many_patients() -> None:
    rng = np.random.default_rng(3)
    by_patient = np.repeat(rng.integers(2, size=40), 10)  # all of a patient's images are read alike
    read = Readings("view", ["CC", "MLO"], np.eye(2)[by_patient], rng.integers(2, size=1).repeat(400))
    widths = []
    for owners in ([f"p{k // 10}" for k in range(400)], [f"i{k}" for k in range(400)]):
        low, high = compare("real", read, owners, resamples=400, seed=1)[0]["interval"]
        widths.append(high - low)
    assert widths[0] > 2 * widths[1]


def test_what_is_not_known_or_of_one_category_has_no_value_and_says_so() -> None:
    nothing = Readings("view", ["CC", "MLO"], np.full((3, 2), 0.5), np.full(3, -1))
    (value,) = compare("synthetic", nothing, ["a", "b", "c"], resamples=10, seed=1)
    assert value["value"] is None
    assert "of no image among the synthetic ones the view is known" in value["note"]
    same = Readings("view", ["CC", "MLO"], np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]))
    accuracy, chance, area = compare("synthetic", same, ["a", "b"], resamples=10, seed=1)
    assert (accuracy["value"], chance["value"], area["value"]) == (0.5, 1.0, None)
    assert "all images are of one category: 0 CC, 2 MLO of 2 images" in area["note"]


def test_rows_say_what_was_known_and_what_was_read() -> None:
    read = Readings("view", ["CC", "MLO"], np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, -1]))
    rows = list(read.rows("real"))
    assert [tuple(row) for row in rows] == [COLUMNS] * 2
    assert [tuple(row.values()) for row in rows] == [
        ("real", "view", "MLO", "MLO", "0.800000"),
        ("real", "view", "", "CC", "0.600000"),
    ]
