"""Distances of synthetic images from either half of the real ones, beside the floor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from mammo_gan.evaluation.swd_comparison import Side, compare_by_swd, no_pyramid
from mammo_gan.statistics.sliced_wasserstein import Descriptors, sliced_wasserstein

SIZE = (40, 32)


def side(count: int, seed: int, smooth: float = 1.0, numbers: slice = slice(None)) -> Side:
    rng = np.random.default_rng(seed)
    grey = ndimage.gaussian_filter(rng.normal(size=(count, *SIZE)), (0, smooth, smooth))
    descriptors = Descriptors(rng)
    for image in 128 + 30 * grey / grey.std():
        descriptors.add(image[None])
    return Side(descriptors.parts, np.arange(count)[numbers])


def compared(groups: dict[str, Side], halves: tuple[Side, Side], size: tuple[int, int] = SIZE) -> dict[str, Any]:
    labelled = {name: (f"images {name}", own) for name, own in groups.items()}
    return {value["name"]: value for value in compare_by_swd(labelled, halves, size, seed=3)}


def test_like_images_are_near_the_floor_and_smoother_ones_far() -> None:
    values = compared({"like": side(12, 2), "smooth": side(12, 3, smooth=3.0)}, (side(12, 0), side(13, 1)))
    floor = values["swd_12/real_real/mean"]["value"]
    for half in ("first", "second"):
        assert values[f"swd_12/like_{half}/mean"]["value"] < 1.5 * floor
        assert values[f"swd_12/smooth_{half}/mean"]["value"] > 2 * floor
    assert values["swd_12/like_first/mean"]["note"] == "12 against 12 images"


def test_values_are_those_of_the_statistic_over_as_many_images_as_the_smallest_set_has() -> None:
    one, other, ours = side(9, 0), side(8, 1), side(20, 2, numbers=slice(1, 12, 2))
    values = compared({"ours": ours}, (one, other))
    assert {value["n"] for value in values.values()} == {6}
    chosen = [ours.patches[k] for k in (1, 3, 5, 7, 9, 11)]
    expected = sliced_wasserstein(chosen, list(other.patches[:6]), np.random.default_rng(3))
    found = [values[f"swd_6/ours_second/level_{height}"]["value"] for height in (40, 20)]
    np.testing.assert_array_equal(found, expected)
    assert values["swd_6/ours_second/mean"]["value"] == pytest.approx(expected.mean())


def test_what_cannot_be_measured_says_why() -> None:
    none = Side([], np.arange(0))
    lonely = compared({"ours": side(5, 0)}, (none, side(5, 1)))
    assert {value["value"] for value in lonely.values()} == {None}
    assert all("two patients" in value["note"] for value in lonely.values())
    small = compared({"ours": none}, (none, none), size=(10, 8))
    assert {(name, value["value"]) for name, value in small.items()} == {
        (f"swd_0/{pair}/mean", None) for pair in ("real_real", "ours_first", "ours_second")
    }
    assert all("at least 16 px high" in value["note"] for value in small.values())
    assert no_pyramid((1280, 1024)) == ""
    flat = Descriptors(np.random.default_rng(0))
    flat.add(np.full((5, *SIZE), 7.0))
    constant = compared({"ours": Side(list(np.split(flat.parts[0], 5)), np.arange(5))}, (side(5, 1), side(5, 2)))
    assert constant["swd_5/real_real/mean"]["value"] is not None
    assert constant["swd_5/ours_first/mean"]["value"] is None
    assert "of one grey level" in constant["swd_5/ours_first/mean"]["note"]
