from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.evaluation.boundary import edge_steps


def disk(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(x**2 + y**2 <= radius**2)


def test_a_ramp_has_no_seam() -> None:
    ramp = np.add.outer(np.arange(32.0), np.arange(32.0))  # a step of 1 everywhere
    assert edge_steps(ramp, disk(32, 8), 3) == pytest.approx((1.0, 1.0))


def test_a_lesion_pasted_in_stands_out_by_its_step() -> None:
    mask = disk(32, 8)
    ramp = np.add.outer(np.arange(32.0), np.arange(32.0))
    across, beside = edge_steps(ramp + 50 * mask, mask, 3)
    assert beside == pytest.approx(1.0)
    assert across == pytest.approx(50.0, abs=1e-9)  # 51 upwards and 49 downwards, as many of each


def test_agrees_with_a_walk_over_all_neighbours() -> None:
    rng = np.random.default_rng(0)
    image, mask = rng.random((12, 14)), np.zeros((12, 14), bool)
    mask[4:8, 3:9] = True
    across, beside = [], []
    distance = np.full(mask.shape, 99)  # steps to the nearest pixel of the other side
    for y, x in np.ndindex(mask.shape):
        others = np.argwhere(mask != mask[y, x])
        distance[y, x] = np.abs(others - (y, x)).sum(1).min()
    for y, x in np.ndindex(mask.shape):
        for dy, dx in ((0, 1), (1, 0)):
            if y + dy < 12 and x + dx < 14:
                step = abs(image[y, x] - image[y + dy, x + dx])
                if mask[y, x] != mask[y + dy, x + dx]:
                    across.append(step)
                elif max(distance[y, x], distance[y + dy, x + dx]) <= 2:
                    beside.append(step)
    assert edge_steps(image, mask, 2) == pytest.approx((np.mean(across), np.mean(beside)))


def test_what_lies_far_from_the_edge_does_not_count() -> None:
    mask, image = disk(48, 10), np.random.default_rng(1).random((48, 48))
    changed = np.where(disk(48, 16) & ~disk(48, 4), image, 7.0)
    assert edge_steps(changed, mask, 3) == pytest.approx(edge_steps(image, mask, 3))


@pytest.mark.parametrize("value", [False, True])
def test_no_edge_is_nan(value: bool) -> None:
    assert np.isnan(edge_steps(np.ones((8, 8)), np.full((8, 8), value), 2)).all()


def test_the_images_border_is_no_edge() -> None:
    mask = np.zeros((16, 16), bool)
    mask[:, :8] = True
    image = np.random.default_rng(2).random((16, 16))
    assert edge_steps(image, mask, 3)[0] == pytest.approx(np.abs(image[:, 8] - image[:, 7]).mean())
    image_far = image.copy()
    image_far[:, 0] = 100.0  # at the border, within the mask
    assert edge_steps(image_far, mask, 3) == pytest.approx(edge_steps(image, mask, 3))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        edge_steps(np.ones((4, 4)), np.ones((4, 5), bool), 1)
    with pytest.raises(ValueError, match="at least 1 px"):
        edge_steps(np.ones((4, 4)), np.ones((4, 4), bool), 0)
