from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.reporting.figures.mask_shapes import SHAPES, mask_shape_histograms, mask_sheet
from mammo_gan.reporting.figures.style import DARK, LIGHT, Theme


def write(path: Path, sets: tuple[str, ...]) -> None:
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["set", "label", *SHAPES])
        for name in sets:
            rows.writerows([name, "masks", *rng.random(3)] for _ in range(20))


def test_a_panel_for_each_number_with_both_sets(tmp_path: Path) -> None:
    write(tmp_path / "shapes.csv", ("real", "synthetic"))
    svg = mask_shape_histograms(tmp_path / "shapes.csv")
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert len(re.findall(r'<g id="axes_\d+">', svg)) == 3
    lines = re.findall(r"stroke: (#\w+); stroke-width: 1.4", svg)
    assert lines.count(LIGHT.real) == lines.count(LIGHT.synthetic) == 3 + 1  # and one in the legend


def test_a_set_that_is_missing_is_said(tmp_path: Path) -> None:
    write(tmp_path / "shapes.csv", ("synthetic",))
    with pytest.raises(UserError, match="found synthetic"):
        mask_shape_histograms(tmp_path / "shapes.csv")


def coloured(png: bytes, colour: str) -> np.ndarray:
    """(height, width) bool: pixels of just this colour."""
    with Image.open(io.BytesIO(png)) as image:
        pixels = np.asarray(image.convert("RGB"))
    return np.asarray((np.abs(pixels - np.array(to_rgb(colour)) * 255) < 1).all(axis=2))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_lesions_have_their_sets_colour_and_their_share_of_the_frames(theme: Theme) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:12, 2:12] = True
    png = mask_sheet([mask] * 3, np.stack([mask, mask, ~mask, ~mask, mask]), side=2, theme=theme)
    real, synthetic, frames = (coloured(png, colour) for colour in (theme.real, theme.synthetic, theme.grid))
    middle = real.shape[1] // 2
    assert real[:, :middle].sum() == real.sum() > 0
    assert synthetic[:, middle:].sum() == synthetic.sum() > 0
    left, right = frames[:, :middle].sum(), frames[:, middle:].sum()
    share = mask.mean()
    assert real.sum() / (real.sum() + left) == pytest.approx(share, rel=0.05)
    assert synthetic.sum() / (synthetic.sum() + right) == pytest.approx(0.5, rel=0.05)  # the fifth has no place
    assert real.sum() + left == pytest.approx(0.75 * (synthetic.sum() + right), rel=0.05)  # three of four places


def test_masks_of_other_shapes_or_none_are_refused() -> None:
    for real, synthetic in (([], []), ([np.zeros((4, 4), bool)], [np.zeros((5, 5), bool)])):
        with pytest.raises(ValueError, match="masks of one shape"):
            mask_sheet(real, synthetic)
