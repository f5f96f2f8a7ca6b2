from __future__ import annotations

import itertools

import numpy as np
import pytest
from defusedxml import ElementTree
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.figures.score_over_size import LOOKS, score_over_size
from mammo_gan.reporting.figures.style import Theme
from mammo_gan.reporting.study import MODES

SCORES = {mode: {100: [0.5, 0.6, 0.7], 250: [0.6], 1300: [0.8, 0.9]} for mode in MODES}
# Linear RGB as seen without one kind of cone (Machado et al. 2009, table 1, severity 1.0).
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    light = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return np.asarray(light, np.float64)


def contrast(one: str, other: str) -> float:
    """WCAG 2's."""
    bright, dim = sorted((float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def seen(colour: str, sight: str) -> NDArray[np.float64]:
    light = np.clip(np.array(SIGHTS[sight]) @ linear(colour), 0, 1)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    lab: NDArray[np.float64] = rgb2lab(srgb[None, None])[0, 0]
    return lab


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_differ_for_the_colour_blind_and_stand_out(theme: str, sight: str) -> None:
    colours = [getattr(look, theme) for look in LOOKS.values()]
    for one, other in itertools.combinations(colours, 2):
        assert float(deltaE_ciede2000(seen(one, sight), seen(other, sight))) > 12, (one, other)  # type: ignore[no-untyped-call]
    surface = (LIGHT if theme == "light" else DARK).surface
    assert min(contrast(colour, surface) for colour in colours) > 3


def test_every_mode_has_a_shape_and_dashes_of_its_own() -> None:
    assert list(LOOKS) == list(MODES)
    for part in ("light", "dark", "marker", "dashes"):
        assert len({getattr(look, part) for look in LOOKS.values()}) == len(MODES)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_fold_is_a_point_and_every_mean_a_marker(theme: Theme) -> None:
    svg = score_over_size(SCORES, MODES, "F1", "a title", theme)
    assert svg == score_over_size(SCORES, MODES, "F1", "a title", theme)
    root = ElementTree.fromstring(svg)
    uses = [element.get("style", "") for element in root.iter("{http://www.w3.org/2000/svg}use")]
    for look in LOOKS.values():
        colour = look.light if theme is LIGHT else look.dark
        means = [style for style in uses if f"fill: {colour}; stroke: {colour}" in style]
        folds = [style for style in uses if f"fill: {theme.surface}" in style and f"stroke: {colour}" in style]
        assert len(folds) == 6
        assert len(means) >= 3 + 1  # with the legend's


def test_one_size_and_one_fold_can_be_drawn() -> None:
    svg = score_over_size({"gan": {50: [0.5]}}, MODES, "F1", "a title")
    assert svg.startswith("<?xml")
    assert LOOKS["gan"].light in svg
    assert LOOKS["org"].light not in svg
