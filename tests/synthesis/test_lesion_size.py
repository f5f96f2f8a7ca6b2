"""Sizes of masses, against numpy's own statistics and the truncated Gaussian of scipy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, truncnorm

from mammo_gan.archives.records import Box, Lesion, LesionKind, Mammogram
from mammo_gan.errors import UserError
from mammo_gan.synthesis.lesion_size import LesionSizes, fit_sizes, read_sizes, write_sizes


def mammogram(*boxes: Box | None, mm_per_px: float | None = None, kind: LesionKind = "mass") -> Mammogram:
    lesions = tuple(
        Lesion(number=number, kind=kind, pathology="malignant", box=box) for number, box in enumerate(boxes)
    )
    return Mammogram(
        archive="x",
        source="phantom",
        image="x/1.png",
        patient="p",
        height=1000,
        width=800,
        bits=12,
        lesions=lesions,
        mm_per_px=mm_per_px,
    )


BOXES = (Box(300, 300, 350, 380), Box(200, 500, 290, 610), Box(0, 950, 60, 990), Box(400, 400, 410, 430))
SIDES = np.array([[280, 250], [310, 290], [150, 160], [230, 210]])  # 100 px on each side; the third is in a corner
SIZES = LesionSizes(
    unit="px", mean=(200, 120), deviation=(60, 40), low=(100, 90), high=(260, 300), count=9, padding=100
)


def test_masses_are_measured_with_their_padding() -> None:
    sizes = fit_sizes([mammogram(*BOXES[:2], None), mammogram(*BOXES[2:]), mammogram(BOXES[0], kind="calcification")])
    assert (sizes.unit, sizes.count, sizes.padding, sizes.correlation) == ("px", 4, 100, 0.0)
    assert sizes.mean == pytest.approx(SIDES.mean(axis=0))
    assert sizes.deviation == pytest.approx(SIDES.std(axis=0, ddof=1))
    assert (sizes.low, sizes.high) == ((150, 160), (310, 290))
    correlated = fit_sizes([mammogram(*BOXES)], correlated=True)
    assert correlated.correlation == pytest.approx(np.corrcoef(SIDES.T)[0, 1])
    unpadded = fit_sizes([mammogram(*BOXES)], padding=0)
    assert unpadded.mean == pytest.approx(np.mean([[80, 50], [110, 90], [40, 60], [30, 10]], axis=0))


def test_known_spacings_give_mm() -> None:
    sizes = fit_sizes([mammogram(BOXES[0], mm_per_px=0.05), mammogram(BOXES[1], mm_per_px=0.1)])
    assert sizes.unit == "mm"
    assert sizes.mean == pytest.approx(((280 * 0.05 + 310 * 0.1) / 2, (250 * 0.05 + 290 * 0.1) / 2))
    mixed = [mammogram(BOXES[0], mm_per_px=0.05), mammogram(BOXES[1])]
    assert fit_sizes(mixed).mean == pytest.approx((295, 270))
    assert fit_sizes(mixed).unit == "px"
    with pytest.raises(UserError, match=r"1 images have no spacing, as x/1\.png"):
        fit_sizes(mixed, unit="mm")


def test_too_few_masses_are_refused() -> None:
    with pytest.raises(UserError, match="found 1"):
        fit_sizes([mammogram(BOXES[0], None)])


def test_sizes_in_mm_meet_the_spacing_of_their_image() -> None:
    sizes = fit_sizes([mammogram(*BOXES, mm_per_px=0.05)])
    fine, coarse = (sizes.draw(np.random.default_rng(3), spacing) for spacing in (0.05, 0.1))
    assert coarse == pytest.approx((fine[0] / 2, fine[1] / 2), abs=0.8)
    for spacing in (None, 0.0, float("nan")):
        with pytest.raises(UserError, match="in mm"):
            sizes.draw(np.random.default_rng(3), spacing)


def test_sizes_follow_the_truncated_gaussian() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([SIZES.draw(rng) for _ in range(1500)]) + rng.uniform(-0.5, 0.5, (1500, 2))  # not whole any more
    for axis in (0, 1):
        mean, deviation = SIZES.mean[axis], SIZES.deviation[axis]
        low, high = ((bound[axis] - mean) / deviation for bound in (SIZES.low, SIZES.high))
        assert kstest(drawn[:, axis], truncnorm(low, high, mean, deviation).cdf).pvalue > 0.01
    assert abs(np.asarray(np.corrcoef(drawn.T))[0, 1]) < 0.1


def test_a_correlation_is_kept() -> None:
    sizes = LesionSizes(
        unit="px", mean=(500, 500), deviation=(50, 80), low=(1, 1), high=(999, 999), count=9, padding=0, correlation=0.8
    )
    rng = np.random.default_rng(1)
    drawn = np.array([sizes.draw(rng) for _ in range(1000)])
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.8, abs=0.05)
    assert drawn.std(axis=0) == pytest.approx((50, 80), rel=0.1)


positive = st.floats(1, 1000)


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=6), st.booleans(), st.integers(0, 2**32))
def test_no_size_leaves_the_range_seen(sides: list[tuple[float, float]], correlated: bool, seed: int) -> None:
    boxes = [Box(0, 0, max(1, round(width)), max(1, round(height))) for height, width in sides]
    sizes = fit_sizes([mammogram(*boxes)], padding=0, correlated=correlated)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        height, width = sizes.draw(rng)
        assert sizes.low[0] <= height <= sizes.high[0]
        assert sizes.low[1] <= width <= sizes.high[1]


def test_sizes_come_back_from_their_file(tmp_path: Path) -> None:
    sizes = fit_sizes([mammogram(*BOXES, mm_per_px=0.07)], correlated=True)
    write_sizes(tmp_path / "sizes.json", sizes)
    assert read_sizes(tmp_path / "sizes.json") == sizes


@pytest.mark.parametrize(
    "change",
    [{"unit": "cm"}, {"mean": [1]}, {"low": [300, 300]}, {"deviation": [-1, 1]}, {"mean": [float("nan"), 1]}, {"x": 1}],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "sizes.json"
    write_sizes(file, SIZES)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match=str(file)):
        read_sizes(file)


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "broken.json").write_text("{")
    for name in ("missing.json", "list.json", "broken.json"):
        with pytest.raises(UserError, match=name):
            read_sizes(tmp_path / name)
