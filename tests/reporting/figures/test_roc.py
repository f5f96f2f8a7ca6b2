from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics  # type: ignore[import-untyped]

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.roc import curve, roc_curve


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40))
def test_the_curve_is_scikit_learns(rows: list[tuple[bool, int]]) -> None:
    positive, scores = np.array([row[0] for row in rows]), np.array([row[1] / 8 for row in rows])
    if positive.all() or not positive.any():
        return
    x, y = curve(scores, positive)
    expected = metrics.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(x, expected[0])
    np.testing.assert_allclose(y, expected[1])


def test_a_picture_of_the_scores_and_none_of_one_class(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("patient,label,score\na,1,0.9\na,0,0.2\nb,0,0.7\n")
    svg = roc_curve(scores)
    assert svg is not None
    assert svg.startswith("<?xml")
    assert svg == roc_curve(scores)
    scores.write_text("patient,label,score\na,1,0.9\na,0,0.2\nb,0,0.95\n")
    assert svg != roc_curve(scores)
    scores.write_text("patient,label,score\na,0,0.9\n")
    assert roc_curve(scores) is None


@pytest.mark.parametrize("row", ["a,2,0.5", "a,1,high", "a,1,nan"])
def test_a_broken_table_is_said(tmp_path: Path, row: str) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text(f"patient,label,score\na,0,0.5\n{row}\n")
    with pytest.raises(UserError, match="expected labels of 0 and 1 and finite scores"):
        roc_curve(scores)
