"""Places of patches, against a look at every position."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from mammo_gan.imaging.geometry import Xyxy
from mammo_gan.synthesis.placement import NoRoomError, Placement

ALL = np.ones((80, 60), dtype=bool)


def passing(breast: np.ndarray, size: tuple[int, int], taken: list[Xyxy], share: float) -> set[tuple[int, int]]:
    """Corners that the rule `breast` allows, each looked at by itself."""
    (height, width), (h, w) = breast.shape, size
    free = np.ones(breast.shape, dtype=bool)
    for x0, y0, x1, y1 in taken:
        free[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = False
    found = set()
    for y in range(height - h + 1):
        for x in range(width - w + 1):
            if width / 10 <= x <= width / 2 and height / 4 <= y <= 3 * height / 4:
                patch = slice(y, y + h), slice(x, x + w)
                if free[patch].all() and breast[patch].sum() >= share * h * w:
                    found.add((x, y))
    return found


boxes = st.tuples(st.integers(-5, 30), st.integers(-5, 40), st.integers(1, 12), st.integers(1, 12)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


@given(
    arrays(bool, (40, 30), elements=st.booleans(), fill=st.just(True)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.lists(boxes, max_size=3),
    st.sampled_from([0.0, 0.8, 1.0]),
    st.sampled_from([0, 3]),
    st.integers(0, 2**32),
)
def test_a_place_is_found_where_there_is_one(
    breast: np.ndarray, size: tuple[int, int], taken: list[Xyxy], share: float, tries: int, seed: int
) -> None:
    allowed = passing(breast, size, taken, share)
    placement = Placement(least_breast=share, tries=tries)
    if not allowed:
        with pytest.raises(NoRoomError, match="no place for a patch"):
            placement.draw(breast, size, taken, np.random.default_rng(seed))
        return
    x0, y0, x1, y1 = placement.draw(breast, size, taken, np.random.default_rng(seed))
    assert (x0, y0) in allowed
    assert (y1 - y0, x1 - x0) == size


@pytest.mark.parametrize("tries", [0, 2, 100], ids=["search", "both", "tries"])
def test_every_place_is_as_probable(tries: int) -> None:
    breast = np.add.outer(np.arange(40), np.arange(30)) < 34
    taken = [(8, 12, 10, 15)]
    allowed = sorted(passing(breast, (8, 6), taken, 0.9))
    rng = np.random.default_rng(0)
    drawn = Counter(Placement(least_breast=0.9, tries=tries).draw(breast, (8, 6), taken, rng)[:2] for _ in range(3000))
    assert set(drawn) <= set(allowed)
    assert chisquare([drawn[corner] for corner in allowed]).pvalue > 0.01


def test_the_papers_rule_is_uniform_over_its_rectangle_whatever_is_there() -> None:
    rng = np.random.default_rng(0)
    nothing = np.zeros((80, 60), dtype=bool)
    drawn = np.array([Placement(rule="paper").draw(nothing, (5, 4), [(0, 0, 60, 80)], rng) for _ in range(4000)])
    assert (drawn[:, 0].min(), drawn[:, 0].max()) == (6, 30)  # w/10 and w/2
    assert (drawn[:, 1].min(), drawn[:, 1].max()) == (20, 60)  # h/4 and 3h/4
    assert chisquare(np.bincount(drawn[:, 0])[6:]).pvalue > 0.01
    assert chisquare(np.bincount(drawn[:, 1])[20:]).pvalue > 0.01


def test_a_patch_stays_on_the_image() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([Placement(rule="paper").draw(ALL, (55, 50), [], rng) for _ in range(300)])
    assert (drawn[:, 0].min(), drawn[:, 2].max()) == (6, 60)
    assert (drawn[:, 1].min(), drawn[:, 3].max()) == (20, 80)
    with pytest.raises(NoRoomError, match="leaves the image"):
        Placement(rule="paper").draw(ALL, (61, 4), [], rng)  # h/4 + 61 px


def test_a_refusal_says_what_is_in_the_way() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NoRoomError, match=r"of 1025 positions, 0 hold 95% breast"):
        Placement().draw(~ALL, (4, 4), [], rng)
    with pytest.raises(NoRoomError, match=r"1025 hold 95% breast, and none .* free of the 2 boxes"):
        Placement().draw(ALL, (4, 4), [(0, 0, 30, 80), (30, 0, 60, 80)], rng)


def test_settings_that_mean_nothing_are_refused() -> None:
    for wrong in ({"least_breast": 1.2}, {"rule": "anywhere"}, {"across": (0.5, 0.1)}, {"tries": -1}):
        with pytest.raises(ValueError, match="expected the rule"):
            Placement(**wrong)
