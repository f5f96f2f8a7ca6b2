"""Synthetic patches beside real ones, always of the same noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mammo_gan.callbacks.lesion_grid import APART, GAP, LINE, LesionGrid
from mammo_gan.callbacks.sample_grid import SampleGrid
from tests.methods.small import SIZE
from tests.methods.small_dcgan import fit, small_dcgan

REALS = torch.rand(7, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
SCALE = 2  # 16 px to 32
CELL = SCALE * SIZE + GAP
SQUARE = 3 * CELL + GAP  # of 3 x 3 places for 7 patches


def patch(picture: np.ndarray, square: int, number: int) -> np.ndarray:
    """A patch of the first (synthetic) or second (real) square, in its own size."""
    row, column = divmod(number, 3)
    x, y = square * (SQUARE + APART) + GAP + column * CELL, LINE + GAP + row * CELL
    enlarged = picture[y : y + SCALE * SIZE, x : x + SCALE * SIZE]
    assert (enlarged == enlarged[::SCALE, ::SCALE].repeat(SCALE, axis=0).repeat(SCALE, axis=1)).all()
    return enlarged[::SCALE, ::SCALE]


def test_patches_stand_where_they_should() -> None:
    method = small_dcgan().eval()
    picture = np.asarray(LesionGrid(REALS, seed=5).draw(method))
    drawn = method.sample(7, torch.Generator().manual_seed(5))
    for number in range(7):
        np.testing.assert_array_equal(patch(picture, 0, number), (drawn[number, 0].numpy() * 255).round())
        np.testing.assert_array_equal(patch(picture, 1, number), (REALS[number, 0].numpy() * 255).round())
    for square in range(2):
        assert (patch(picture, square, 7) == 255).all()  # nothing there


def test_the_noise_stays_and_the_training_is_not_touched(tmp_path: Path) -> None:
    methods = small_dcgan(), small_dcgan()
    after = []
    for method, callbacks in zip(methods, ([SampleGrid(LesionGrid(REALS, 5), 2, tmp_path)], []), strict=True):
        torch.manual_seed(1)
        fit(method, 0, 4, callbacks=callbacks)
        after.append(torch.rand(3))
    assert torch.equal(*after)
    other = methods[1].state_dict()
    assert all(torch.equal(value, other[name]) for name, value in methods[0].state_dict().items())
    last = np.asarray(Image.open(tmp_path / "0000004.png"))
    np.testing.assert_array_equal(last, np.asarray(LesionGrid(REALS, 5).draw(methods[1].eval())))
    first = np.asarray(Image.open(tmp_path / "0000000.png"))
    np.testing.assert_array_equal(patch(first, 1, 0), patch(last, 1, 0))
    assert (patch(first, 0, 0) != patch(last, 0, 0)).any()
