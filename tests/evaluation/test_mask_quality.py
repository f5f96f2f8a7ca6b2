from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mammo_gan.evaluation.mask_quality import SHAPES, compare_masks
from mammo_gan.imaging.mask_shapes import Shapes, shapes
from mammo_gan.reporting.figures.mask_shapes import mask_shape_histograms

SIDE = 48


def ellipses(count: int, seed: int, longest: float = 16.0) -> np.ndarray:
    """(count, SIDE, SIDE) bool, of random axes and directions."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    masks = []
    for angle, long, short in zip(
        rng.uniform(0, np.pi, count), rng.uniform(10, longest, count), rng.uniform(5, 9, count), strict=True
    ):
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        masks.append((along / long) ** 2 + (across / short) ** 2 <= 1)
    return np.stack(masks)


def compared(real: np.ndarray, synthetic: np.ndarray, folder: Path, refused: int = 0) -> dict[str, Any]:
    patients = [f"patient {k}" for k in range(len(real))]
    values = compare_masks(synthetic, real, patients, refused, folder, np.random.default_rng(0), resamples=60)
    return {value["name"]: value for value in values}


def test_each_number_has_both_distances_with_floor_and_interval(tmp_path: Path) -> None:
    real, synthetic = ellipses(40, 0), ellipses(30, 1, longest=22.0)
    found = compared(real, synthetic, tmp_path)
    assert len(found) == 1 + 6
    theirs, ours = shapes(real), shapes(synthetic)
    for number in Shapes._fields:
        value, gap = found[f"mask_shift/{number}"], found[f"mask_gap/{number}"]
        spread = getattr(theirs, number).std()
        expected = stats.wasserstein_distance(getattr(ours, number), getattr(theirs, number)) / spread
        assert value["value"] == pytest.approx(expected)
        assert gap["value"] == pytest.approx(stats.ks_2samp(getattr(ours, number), getattr(theirs, number)).statistic)
        assert (value["n"], value["unit"], gap["unit"]) == (30, "SD", "")
        assert value["interval"][0] < value["interval"][1]
        assert "halves of the real patients" in value["note"]
    assert found["mask_shift/area_share"]["label"] == "area share: distance of synthetic from real masks"


def test_longer_masks_are_further_than_the_floor_and_like_ones_are_not(tmp_path: Path) -> None:
    def far_and_floor(value: dict[str, Any]) -> tuple[float, float]:
        return value["value"], float(value["note"].split("real patients ")[1].split(" ")[0])

    far, floor = far_and_floor(compared(ellipses(60, 0), ellipses(60, 1, 22.0), tmp_path)["mask_gap/eccentricity"])
    near, same = far_and_floor(compared(ellipses(60, 0), ellipses(60, 2), tmp_path)["mask_gap/eccentricity"])
    assert far > 1.5 * floor
    assert near < 1.5 * same


def test_how_many_masks_clean_up_left(tmp_path: Path) -> None:
    usable = compared(ellipses(5, 0), ellipses(6, 1), tmp_path, refused=2)["mask_usable"]
    assert (usable["value"], usable["n"], usable["note"]) == (0.75, 8, "6 of 8")


def test_the_table_holds_every_mask_and_can_be_drawn(tmp_path: Path) -> None:
    real, synthetic = ellipses(9, 0), ellipses(8, 1)
    compared(real, synthetic, tmp_path)
    with (tmp_path / SHAPES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["set"] for row in rows] == ["real"] * 9 + ["synthetic"] * 8
    measured = np.concatenate([np.stack(shapes(masks), axis=1) for masks in (real, synthetic)])
    written = np.array([[float(row[number]) for number in Shapes._fields] for row in rows])
    np.testing.assert_allclose(written, measured, rtol=1e-6)
    assert "(9 real, 8 synthetic)" in mask_shape_histograms(tmp_path / SHAPES)


def test_without_a_drawn_mask_nothing_is_measured(tmp_path: Path) -> None:
    found = compared(ellipses(5, 0), np.zeros((0, SIDE, SIDE), bool), tmp_path, refused=3)
    assert found["mask_usable"]["value"] == 0
    assert found["mask_shift/solidity"]["value"] is None
    assert found["mask_shift/solidity"]["note"].startswith("no masks to compare")
    with pytest.raises(ValueError, match="frames of one size"):
        compared(ellipses(5, 0), np.zeros((1, 9, 9), bool), tmp_path)
