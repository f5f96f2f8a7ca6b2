from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.errors import UserError
from mammo_gan.evaluation.drawing import draw, flipped_copies

SIZE = 6


def patches(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, SIZE, SIZE)).astype(np.float32)


def test_counts_are_honoured_and_what_is_missing_is_known() -> None:
    groups = {"real": patches(30), "synthetic": patches(7, 1)}
    drawn = draw(groups, {"synthetic": 10, "real": 12}, {}, seed=3)
    assert list(drawn) == ["synthetic", "real"]
    assert [(len(group), group.asked, group.there) for group in drawn.values()] == [(7, 10, 7), (12, 12, 30)]
    for name, group in drawn.items():
        assert (np.diff(group.numbers) > 0).all()  # so none is there twice
        np.testing.assert_array_equal(group.images, groups[name][group.numbers])


def test_the_seed_decides_and_a_group_added_at_the_end_changes_no_other() -> None:
    groups = {"real": patches(40), "normal": patches(40, 1)}
    alone, both = (draw(groups, counts, {}, 3)["real"] for counts in ({"real": 9}, {"real": 9, "normal": 9}))
    np.testing.assert_array_equal(alone.numbers, both.numbers)
    assert (draw(groups, {"real": 9}, {}, 4)["real"].numbers != alone.numbers).any()


def test_owners_are_patients_or_names_that_no_other_group_has() -> None:
    groups = {"real": patches(4), "synthetic": patches(4, 1)}
    drawn = draw(groups, {"real": 4, "flipped": 4, "synthetic": 4}, {"flipped": "real"}, 0, {"real": list("aabb")})
    assert drawn["real"].owners == drawn["flipped"].owners == tuple("aabb")
    assert len({*drawn["real"].owners, *drawn["synthetic"].owners}) == 6
    with pytest.raises(ValueError, match="one patient per patch"):
        draw(groups, {"real": 4}, {}, 0, {"real": list("aab")})


@pytest.mark.parametrize(("asked", "there", "copies"), [(8, 20, 8), (12, 20, 12), (8, 5, 5), (12, 5, 10), (3, 20, 3)])
def test_each_original_is_flipped_as_often_as_asked_for_and_no_more(asked: int, there: int, copies: int) -> None:
    """Of 8 originals; 12 copies are two rounds, so five originals can give ten at most."""
    drawn = draw({"real": patches(there)}, {"real": 8, "flipped": asked}, {"flipped": "real"}, seed=1)
    flipped = drawn["flipped"]
    assert len(flipped) == copies
    assert set(flipped.numbers) <= set(drawn["real"].numbers)
    assert np.bincount(flipped.numbers).max() <= -(-asked // 8)


def test_flipped_copies_are_the_four_mirrored_forms_about_equally_often() -> None:
    images = patches(800)
    copies = flipped_copies(images, np.random.default_rng(0))
    forms = [images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]]
    counts = [(copies == form).all((1, 2)).sum() for form in forms]
    assert sum(counts) == 800
    assert min(counts) > 150


def test_groups_that_are_not_there_or_differ_in_size_are_named() -> None:
    with pytest.raises(UserError, match="group normal; expected one of real"):
        draw({"real": patches(3)}, {"normal": 3}, {}, 0)
    with pytest.raises(UserError, match="flipped is made of real"):
        draw({"real": patches(3)}, {"flipped": 3, "real": 3}, {"flipped": "real"}, 0)
    with pytest.raises(UserError, match="5 x 5 px and 6 x 6 px"):
        draw({"real": patches(3), "small": patches(3)[:, :5, :5]}, {"real": 3, "small": 3}, {}, 0)


@pytest.mark.parametrize("wrong", [patches(3) * 255, np.zeros((3, 4, 4), np.uint8), patches(3) * np.nan])
def test_pixels_of_another_range_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        draw({"real": wrong}, {"real": 3}, {}, 0)
