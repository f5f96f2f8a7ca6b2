from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.imaging.mask_shapes import shapes


def ellipse(a: float, b: float, angle: float = 0.0, side: int = 128) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((along / a) ** 2 + (across / b) ** 2 <= 1)


@pytest.mark.parametrize(("a", "b", "angle"), [(40, 40, 0), (50, 25, 0), (50, 25, 0.7), (30, 10, 2.0)])
def test_an_ellipse_has_its_own_numbers(a: float, b: float, angle: float) -> None:
    found = shapes(ellipse(a, b, angle)[None])
    assert found.area_share == pytest.approx([np.pi * a * b / 128**2], rel=0.02)
    assert found.eccentricity == pytest.approx([np.sqrt(1 - (b / a) ** 2)], abs=0.03 if a == b else 0.01)
    assert found.solidity == pytest.approx([1], abs=0.04)  # a slanting edge has steps


def test_solidity_is_the_share_of_the_hull() -> None:
    cross = np.zeros((90, 90), bool)
    cross[30:60], cross[:, 30:60] = True, True
    # Five of nine squares; the hull lacks four corners of half a square each.
    assert shapes(cross[None]).solidity == pytest.approx([5 / 7], rel=0.02)


def test_masks_keep_their_order_and_an_empty_one_has_no_shape() -> None:
    masks = np.stack([ellipse(20, 20), np.zeros((128, 128), bool), ellipse(10, 10)])
    found = shapes(masks)
    assert all(values.shape == (3,) and values.dtype == np.float64 for values in found)
    assert found.area_share[0] == pytest.approx(4 * found.area_share[2], rel=0.02)
    assert all(np.isnan(values).tolist() == [False, True, False] for values in found)
    dot = np.zeros((1, 9, 9), bool)
    dot[0, 4, 4] = True
    assert [values.tolist() for values in shapes(dot)] == [[1 / 81], [0.0], [1.0]]


def test_no_mask_gives_no_values_and_a_single_one_is_asked_for_as_a_set() -> None:
    assert [len(values) for values in shapes(np.zeros((0, 8, 8), bool))] == [0, 0, 0]
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        shapes(np.zeros((8, 8), bool))
