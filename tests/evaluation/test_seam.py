"""Borders of windows, against the steps over the whole image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.records import Box
from mammo_gan.evaluation.boundary import edge_steps
from mammo_gan.evaluation.seam import Seam, measure_seam, seam_values
from mammo_gan.reporting.results import Value

WINDOW = Box(12, 10, 30, 34)


def inside(shape: tuple[int, int], box: Box) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[box.y0 : box.y1, box.x0 : box.x1] = True
    return mask


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4))
def test_what_lies_far_off_need_not_be_looked_at(x: int, y: int, width: int, height: int, band: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    box = Box(x, y, x + width, y + height)
    seam = measure_seam(image, box, "p", band)
    expected = edge_steps(image.astype(np.float64), inside(image.shape, box), band)
    assert (seam.across, seam.beside) == pytest.approx(expected, nan_ok=True)


def test_noise_has_no_seam_and_a_patch_laid_on_it_has() -> None:
    image = np.random.default_rng(0).integers(100, 120, (60, 50), dtype=np.uint16)
    assert measure_seam(image, WINDOW, "p", 3).ratio == pytest.approx(1, abs=0.15)
    image[10:34, 12:30] += 70
    assert measure_seam(image, WINDOW, "p", 3).ratio == pytest.approx(70 / (20 / 3), rel=0.1)  # E|U - U'| = 20/3


def test_flat_tissue_and_a_window_over_everything_have_no_ratio() -> None:
    assert measure_seam(np.full((50, 50), 7, np.uint8), WINDOW, "p", 3).ratio is None
    assert measure_seam(np.eye(20), Box(0, 0, 20, 20), "p", 3).ratio is None


def test_values_are_means_over_insertions_with_intervals_by_patient() -> None:
    inserted = [Seam("a", 4, 2), Seam("a", 6, 2), Seam("b", 2, 2), Seam("c", 1, 0)]
    parents = [Seam("a", 2, 2), Seam("a", 1, 2)]
    found, parent, worst = seam_values(inserted, parents, band=3, seed=0)
    assert (found["name"], found["value"], found["n"]) == ("seam/3px/inserted", 2.0, 3)
    assert found["interval"] == pytest.approx((1.0, 2.5))  # of two patients, either may be drawn twice
    assert (parent["name"], parent["value"], parent["n"], parent["interval"]) == ("seam/3px/parent", 0.75, 2, None)
    assert (worst["name"], worst["value"], worst["n"]) == ("seam/3px/worst", 3.0, 3)
    assert [Value(**value).name for value in (found, parent, worst)] == [
        "seam/3px/inserted",
        "seam/3px/parent",
        "seam/3px/worst",
    ]


def test_no_insertions_have_no_value() -> None:
    for value in seam_values([], [], band=3, seed=0):
        assert value["value"] is None
        assert value["interval"] is None
        assert value["note"] == "no window with tissue around it"
