"""Fitting, against distances in millimetres and boxes drawn as pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.imaging.fitting import KORKINOF2019, SHEN2021, WU2018, Fit, fit_inside, fit_onto

SIDES = st.tuples(st.integers(40, 4000), st.integers(40, 4000))


@pytest.mark.parametrize(
    ("fit", "canvas", "shape"),
    [
        (fit_inside((5500, 3000), WU2018), (1375, 750), (1375, 750)),
        (fit_inside((3328, 2560), WU2018), (975, 750), (975, 750)),
        (fit_inside((3328, 2560), SHEN2021), (1040, 800), (1040, 800)),
        (fit_inside((5500, 3000), SHEN2021), (1333, 727), (1333, 727)),  # the long side decides
        (fit_inside((640, 400), SHEN2021), (640, 400), (640, 400)),
        (fit_inside((640, 400), SHEN2021, enlarge=True), (1280, 800), (1280, 800)),
        (fit_onto((3328, 2560), KORKINOF2019), (1280, 1024), (1280, 985)),
        (fit_onto((2560, 3328), KORKINOF2019), (1280, 1024), (788, 1024)),
        (fit_onto((640, 512), KORKINOF2019), (1280, 1024), (1280, 1024)),
    ],
)
def test_the_papers_sizes(fit: Fit, canvas: tuple[int, int], shape: tuple[int, int]) -> None:
    image = np.full(fit.source, 40000, dtype=np.uint16)
    fitted = fit.image(image)
    assert fitted.shape == canvas
    assert fitted.dtype == np.uint16
    rows, columns = np.flatnonzero(fitted.any(axis=1)), np.flatnonzero(fitted.any(axis=0))
    assert (len(rows), len(columns)) == shape
    assert columns[0] == 0  # the chest wall stays at the border
    assert (
        np.abs(fitted[fitted > 0].astype(int) - 40000).max() <= 10
    )  # OpenCV gives the last row and column a little less


def test_lengths_in_millimetres_stay() -> None:
    """Two dots 120 mm apart on a detector of 0.07 mm are 120 mm apart on whatever they are fitted to."""
    image = np.zeros((3328, 2560), dtype=np.float32)
    step = round(120 / 0.07 / np.sqrt(2))
    for y, x in ((400, 300), (400 + step, 300 + step)):
        image[y - 8 : y + 9, x - 8 : x + 9] = 1
    for fit in (
        fit_inside(image.shape, WU2018),
        fit_onto(image.shape, KORKINOF2019),
        fit_inside((3328, 2560), SHEN2021),
    ):
        fitted = fit.image(image)
        half = np.zeros_like(fitted, dtype=bool)
        half[: fit.top + round((400 + step / 2) * fit.scale)] = True
        centres = []
        for part in (fitted * half, fitted * ~half):
            y, x = np.indices(part.shape)
            centres.append(np.array([(y * part).sum(), (x * part).sum()]) / part.sum())
        spacing = fit.mm_per_px(0.07)
        assert spacing is not None
        assert np.hypot(*(centres[1] - centres[0])) * spacing == pytest.approx(120, abs=0.15)
    assert fit.mm_per_px(None) is None


@given(SIDES, st.data())
def test_columns_that_matter_come_to_the_left_border_and_are_seen_whole(
    source: tuple[int, int], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, source[1] - 20))
    end = data.draw(st.integers(first + 20, source[1]))
    fit = fit_onto(source, (160, 128), (first, end))
    assert fit.scale == min(160 / source[0], 128 / (end - first))  # as large as they allow
    x0, _, x1, y1 = fit.box((first, 0, end, source[0]))
    assert x0 == 0
    assert x1 <= 128 and y1 <= 160
    assert x1 == pytest.approx((end - first) * fit.scale, abs=2)
    image = np.zeros(source, dtype=np.float32)
    image[:, first:end] = 1
    shown = fit.image(image)
    assert shown.sum() == pytest.approx(image.sum() * fit.scale**2, rel=0.1, abs=2 * 160)  # nothing is cut off
    assert shown[:, x1 + 1 :].max(initial=0) <= 0.5


def test_columns_are_of_the_image() -> None:
    for columns in ((-1, 5), (5, 5), (3, 11)):
        with pytest.raises(ValueError, match="10 px wide"):
            fit_onto((20, 10), (160, 128), columns)


@given(SIDES, st.sampled_from([WU2018, SHEN2021, KORKINOF2019]), st.booleans(), st.data())
def test_boxes_go_there_and_back(
    source: tuple[int, int], limit: tuple[int, int], onto: bool, data: st.DataObject
) -> None:
    fit = fit_onto(source, limit) if onto else fit_inside(source, limit)
    x0, y0 = data.draw(st.integers(0, source[1] - 2)), data.draw(st.integers(0, source[0] - 2))
    box = (x0, y0, data.draw(st.integers(x0 + 1, source[1])), data.draw(st.integers(y0 + 1, source[0])))
    there = fit.box(box)
    assert 0 <= there[0] < there[2] <= fit.canvas[1]
    assert 0 <= there[1] < there[3] <= fit.canvas[0]
    back = fit.box_back(there)
    slack = 1 / fit.scale + 1  # a box grows to whole pixels
    assert all(abs(a - b) <= slack for a, b in zip(back, box, strict=True))


def test_image_mask_and_box_agree() -> None:
    image, mask = np.zeros((900, 500), dtype=np.uint16), np.zeros((900, 500), dtype=bool)
    mask[330:450, 60:180] = True
    image[mask] = 1000
    for fit in (fit_inside((900, 500), (300, 200)), fit_onto((900, 500), (400, 300))):
        x0, y0, x1, y1 = fit.box((60, 330, 180, 450))
        fitted = fit.mask(mask)
        assert fitted[y0:y1, x0:x1].mean() > 0.9
        assert fitted.sum() == fitted[y0:y1, x0:x1].sum()
        assert fit.image(image)[fitted].min() >= 500
    with pytest.raises(ValueError, match=r"\(900, 500\).*\(500, 900\)"):
        fit.image(image.T)


def test_no_size_is_refused() -> None:
    for source, limit in (((0, 5), (10, 10)), ((5, 5), (10, 0))):
        with pytest.raises(ValueError, match="start at 1 px"):
            fit_onto(source, limit)
        with pytest.raises(ValueError, match="start at 1 px"):
            fit_inside(source, limit)
