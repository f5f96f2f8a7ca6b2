"""Against scikit-learn, and what nothing found is worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics  # type: ignore[import-untyped]

from mammo_gan.statistics.f1 import f1_score, from_counts

ROWS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


@given(ROWS, st.floats(0, 1))
def test_as_scikit_learn_has_it(rows: list[tuple[float, int]], threshold: float) -> None:
    scores, labels = (np.array(column) for column in zip(*rows, strict=True))
    called = scores > threshold
    found = f1_score(scores, labels, threshold)
    expected = metrics.precision_recall_fscore_support(labels, called, average="binary", zero_division=0)
    assert found == pytest.approx(expected[:3], abs=1e-12)


def test_no_positive_call_is_worth_nothing() -> None:
    assert f1_score([0.1, 0.5, 0.2], [1, 1, 0]) == (0.0, 0.0, 0.0)  # one half isn't above one half
    assert f1_score([0.1, 0.2], [0, 0]) == (0.0, 0.0, 0.0)
    assert f1_score([0.9, 0.2], [1, 0]) == (1.0, 1.0, 1.0)
    assert from_counts(0, 0, 0).f1 == 0


@pytest.mark.parametrize(("scores", "labels"), [([0.2], [0, 1]), ([[0.2]], [[1]]), ([0.2, 0.3], [0, 2])])
def test_what_is_no_row_of_labels_is_refused(scores: list[float], labels: list[int]) -> None:
    with pytest.raises(ValueError, match="expected scores and labels 0 or 1"):
        f1_score(scores, labels)
