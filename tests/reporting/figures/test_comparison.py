"""Plots of two archives: all that is said in them, and archives of which little is known."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mammo_gan.reporting.figures.comparison import (
    Side,
    films_side_by_side,
    grey_levels,
    moments_side_by_side,
    spectra,
    to_png,
)
from mammo_gan.reporting.figures.style import DARK
from mammo_gan.statistics.spectrum import Spectrum

FREQUENCY = np.arange(1, 60) / 51.2
BAND = (0.1, 1.0)


def side(name: str, b: float) -> Side:
    rng = np.random.default_rng(0)
    return Side(
        name=name,
        images=12,
        patients=3,
        spectrum=Spectrum(FREQUENCY, 2e-6 * FREQUENCY**-b),
        exponent=b,
        grey=rng.random(64),
        moments={"mean": rng.random(12), "variance": np.full(12, np.nan)},
        films=[rng.integers(0, 255, (90, 60), dtype=np.uint8)] * 2,
    )


SIDES = side("ddsm (phantom)", 3.0), side("mias", 2.9)


def texts(figure: Figure) -> str:
    axes = [text for each in figure.axes for text in (*each.texts, each.title, each._left_title)]  # type: ignore[attr-defined]
    legends = [text for each in (*figure.axes, figure) for legend in _legends(each) for text in legend.get_texts()]
    return " ".join(text.get_text() for text in (*axes, *legends))


def _legends(of: object) -> list:
    if isinstance(of, Figure):
        return list(of.legends)
    legend = of.get_legend()  # type: ignore[attr-defined]
    return [] if legend is None else [legend]


def test_spectra_name_archives_counts_and_exponents() -> None:
    figure = spectra(SIDES, BAND)
    for said in ("ddsm (phantom): 12 images, 3 patients", "1/f^3.00", "mias", "1/f^2.90"):
        assert said in texts(figure)
    drawn, fitted = figure.axes[0].get_lines()[:2]
    np.testing.assert_allclose(np.asarray(fitted.get_ydata(), float), 2e-6 * np.array(BAND) ** -3.0)
    np.testing.assert_allclose(np.asarray(drawn.get_ydata(), float), 2e-6 * FREQUENCY**-3.0)


@pytest.mark.parametrize("draw", [grey_levels, moments_side_by_side])
def test_histograms_say_what_they_are_of(draw) -> None:  # type: ignore[no-untyped-def]
    found = texts(draw(SIDES))
    assert "ddsm (phantom): 12 images, 3 patients" in found
    assert "mias: 12 images, 3 patients" in found


def test_films_stand_in_a_row_for_each_archive() -> None:
    figure = films_side_by_side((SIDES[0], replace(SIDES[1], films=SIDES[1].films[:1])))
    assert [len(axes.get_images()) for axes in figure.axes] == [1, 1, 1, 0]
    assert "ddsm (phantom)" in texts(figure)


def test_png_is_an_image_also_where_little_is_known() -> None:
    unknown = replace(SIDES[0], spectrum=None, exponent=None, films=[])
    for figure in (
        spectra((unknown, unknown), BAND, DARK),
        grey_levels((unknown, SIDES[1]), DARK),
        films_side_by_side((unknown, unknown)),
    ):
        with Image.open(io.BytesIO(to_png(figure))) as image:
            assert min(image.size) > 100
