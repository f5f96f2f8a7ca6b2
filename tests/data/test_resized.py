"""A mammogram fitted into a limit, with its lesions where they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_gan.archives.records import Box, Lesion, Mammogram
from mammo_gan.data.resized import Area, load, resize, save, to_8_bits
from tests.data.drawn import HEIGHT, WIDTH, Drawn, breast, mammogram

ROOT = Path()


class Empty(Drawn):
    """Masks without a pixel."""

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> np.ndarray:
        return np.zeros((mammogram.height, mammogram.width), dtype=bool)


def test_half_size() -> None:
    record = mammogram(1, "CC", "malignant", "benign")
    resized = resize(Drawn(), ROOT, record, HEIGHT // 2, WIDTH // 2)
    assert resized.scale == 0.5
    assert resized.image.shape == resized.breast.shape == (HEIGHT // 2, WIDTH // 2)
    assert (resized.image.min(), resized.image.max()) == (0, 255)
    true = breast(record)[::2, ::2]
    assert (resized.breast & true).sum() / (resized.breast | true).sum() > 0.93
    for lesion, area in zip(record.lesions, resized.areas, strict=True):
        assert area is not None
        assert area.outlined
        drawn = area.drawn(resized.image.shape)
        small = Drawn().mask(ROOT, record, lesion).reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) >= 0.5
        np.testing.assert_array_equal(drawn, small)


def test_a_small_image_keeps_its_size() -> None:
    resized = resize(Drawn(), ROOT, mammogram(1, "CC"), 1375, 750)
    assert resized.scale == 1.0
    assert resized.image.shape == (HEIGHT, WIDTH)


def test_a_box_stands_for_a_lesion_without_a_mask() -> None:
    lesion = Lesion(number=0, kind="mass", pathology="benign", box=Box(20, 60, 33, 71))
    nowhere = replace(lesion, number=1, box=None)
    resized = resize(Drawn(), ROOT, replace(mammogram(1, "CC"), lesions=(lesion, nowhere)), HEIGHT // 2, WIDTH // 2)
    area, unknown = resized.areas
    assert area is not None
    assert not area.outlined
    assert area.box == (10, 30, 17, 36)
    assert area.mask.all()
    assert unknown is None


def test_an_empty_mask_falls_back_to_the_box() -> None:
    area = resize(Empty(), ROOT, mammogram(1, "CC", "benign"), HEIGHT, WIDTH).areas[0]
    assert area is not None
    assert not area.outlined


def test_a_cut_out_patch_is_tissue_from_edge_to_edge() -> None:
    assert resize(Drawn(), ROOT, replace(mammogram(1, "CC"), extent="patch"), HEIGHT, WIDTH).breast.all()


@pytest.mark.parametrize(("left", "top"), [(0, 0), (3, 4), (-2, 5), (8, 8), (20, 0), (5, -6)])
def test_a_window_shows_its_part_of_a_lesion(left: int, top: int) -> None:
    mask = np.random.default_rng(0).random((5, 4)) < 0.6
    canvas = np.zeros((50, 50), dtype=bool)
    canvas[16:21, 15:19] = mask
    window = Area((5, 6, 9, 11), mask, outlined=True).drawn((10, 12), left, top)
    np.testing.assert_array_equal(window, canvas[10 + top : 20 + top, 10 + left : 22 + left])


def test_to_8_bits() -> None:
    assert to_8_bits(np.array([[1000, 2000], [3000, 1510]], dtype=np.uint16)).tolist() == [[0, 128], [255, 65]]
    assert not to_8_bits(np.full((2, 2), 9, dtype=np.uint16)).any()


def test_saved_and_loaded(tmp_path: Path) -> None:
    nowhere = Lesion(number=9, kind="mass", pathology="benign", box=None)
    record = mammogram(1, "CC", "malignant", "benign")
    resized = resize(Drawn(), ROOT, replace(record, lesions=(*record.lesions, nowhere)), 150, 100)
    save(resized, tmp_path / "a.npz")
    again = load(tmp_path / "a.npz")
    assert again.scale == resized.scale
    np.testing.assert_array_equal(again.image, resized.image)
    np.testing.assert_array_equal(again.breast, resized.breast)
    assert again.areas[2] is None
    for one, other in zip(again.areas[:2], resized.areas[:2], strict=True):
        assert one is not None
        assert other is not None
        assert (one.box, one.outlined) == (other.box, other.outlined)
        np.testing.assert_array_equal(one.mask, other.mask)
