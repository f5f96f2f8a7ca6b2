"""A classifier's values against scikit-learn's, and what they say where they can't be measured."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics  # type: ignore[import-untyped]

from mammo_gan.evaluation.classification import compare
from mammo_gan.statistics.roc import delong


def rows(patients: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Three patches of each patient, a positive among them, with scores that lean to the right side."""
    rng = np.random.default_rng(seed)
    labels = np.tile([1, 0, 0], patients)
    scores = np.clip(0.45 + 0.2 * labels + rng.normal(0, 0.15, len(labels)), 0, 1)
    return scores, labels, [f"patient-{k // 3}" for k in range(len(labels))]


def values(*of: Any, resamples: int = 200) -> dict[str, dict[str, Any]]:
    found = compare(*of, resamples=resamples, seed=3)
    return {value["name"]: value for value in found}


def test_values_are_scikit_learns() -> None:
    scores, labels, patients = rows(40)
    found = values(scores, labels, patients)
    called = scores > 0.5
    assert found["classification/f1"]["value"] == pytest.approx(metrics.f1_score(labels, called))
    assert found["classification/precision"]["value"] == pytest.approx(metrics.precision_score(labels, called))
    assert found["classification/recall"]["value"] == pytest.approx(metrics.recall_score(labels, called))
    assert found["classification/auc"]["value"] == pytest.approx(metrics.roc_auc_score(labels, scores))
    for value in found.values():
        low, high = value["interval"]
        assert 0 <= low < value["value"] < high <= 1
        assert value["n"] == 120
        assert "40 positive and 80 negative patches of 40 patients" in value["note"]


def test_intervals_are_over_patients_and_not_over_patches() -> None:
    """Each patch three times says nothing new: intervals stay as wide as they were."""
    scores, labels, patients = rows(40)
    once, thrice = values(scores, labels, patients), values(scores.repeat(3), labels.repeat(3), np.repeat(patients, 3))
    for name, value in once.items():
        assert thrice[name]["value"] == pytest.approx(value["value"])
        assert thrice[name]["interval"] == pytest.approx(value["interval"], abs=0.02), name
    single = delong(scores.repeat(3), labels.repeat(3)).covariance[0, 0]  # what it would be over patches
    clustered = delong(scores, labels, patients).covariance[0, 0]
    assert single < clustered / 2


def test_the_f1s_interval_is_that_of_resampled_patients() -> None:
    scores, labels, patients = rows(30)
    low, high = values(scores, labels, patients, resamples=2000)["classification/f1"]["interval"]
    rng, drawn = np.random.default_rng(8), []
    for _ in range(2000):
        chosen = (3 * rng.integers(30, size=30)[:, None] + np.arange(3)).ravel()
        drawn.append(metrics.f1_score(labels[chosen], scores[chosen] > 0.5))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02)


@pytest.mark.parametrize(("label", "missing"), [(0, "no positive"), (1, "no negative")])
def test_without_one_of_the_classes_nothing_is_measured_and_the_note_says_so(label: int, missing: str) -> None:
    found = values(np.array([0.2, 0.9]), np.array([label, label]), ["a", "b"])
    assert [value["value"] for value in found.values()] == [None] * 4
    assert all(f"the test set has {missing} patch" in value["note"] for value in found.values())


def test_a_classifier_that_finds_nothing_has_an_f1_of_zero() -> None:
    found = values(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1]), ["a", "b", "c", "d"])
    assert [found[f"classification/{name}"]["value"] for name in ("f1", "precision", "recall")] == [0, 0, 0]
    assert found["classification/precision"]["interval"] is None  # never anything called
    assert found["classification/auc"]["value"] == 0.75


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("got 1 for 2 patches")):
        values(np.array([0.2, 0.9]), np.array([0, 1]), ["a"])


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from("abcd")), min_size=2, max_size=30))
def test_values_lie_between_zero_and_one(drawn: list[tuple[bool, float, str]]) -> None:
    labels, scores, patients = (list(column) for column in zip(*drawn, strict=True))
    for value in values(np.array(scores), np.array(labels, dtype=int), patients, resamples=20).values():
        assert value["value"] is None or 0 <= value["value"] <= 1
        assert (value["value"] is None) == (len(set(labels)) < 2)
