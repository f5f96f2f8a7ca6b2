"""Real images that stand beside synthetic ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.evaluation.counterparts import LIKENESS, Shown, pair

SHOWN = st.builds(Shown, st.sampled_from([None, "CC", "MLO"]), st.sampled_from([None, "A", "B"]))


@given(st.lists(SHOWN, max_size=6), st.lists(SHOWN, max_size=6), st.integers(0, 8), st.integers(0, 99))
def test_no_real_image_would_be_more_alike(synthetic: list[Shown], real: list[Shown], count: int, seed: int) -> None:
    pairs = pair(synthetic, real, count, np.random.default_rng(seed))
    assert len(pairs) == (min(count, len(synthetic)) if real else 0)
    assert len({own for own, *_ in pairs}) == len(pairs)
    for own, other, like in pairs:
        view, density = synthetic[own]
        wanted = LIKENESS.index(like)
        assert all(_common(view, density, seen) <= wanted for seen in real)
        assert _common(view, density, real[other]) == wanted


def _common(view: str | None, density: str | None, seen: Shown) -> int:
    if view is not None and (view, density) == seen and density is not None:
        return 2
    return int(view is not None and seen.view == view)


def test_a_real_image_is_shown_again_only_where_none_is_left() -> None:
    synthetic, real = [Shown("CC", "A")] * 5, [Shown("CC", "A")] * 3 + [Shown("MLO", "A")] * 9
    places = [other for _, other, _ in pair(synthetic, real, 5, np.random.default_rng(0))]
    assert sorted(places[:3]) == [0, 1, 2]
    assert set(places[3:]) <= {0, 1, 2}
