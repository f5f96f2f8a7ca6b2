"""The pectoral muscle on drawn breasts whose muscle is known, and on real films."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.pectoral import pectoral_muscle, tissue_mask
from tests.imaging.test_breast_mask import FILMS_OF_MIAS, real_films

HEIGHT, WIDTH = 600, 400


def drawn(top: float, wall: float, bulge: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image, breast, muscle): the muscle's edge from (top, 0) to (0, wall) px, bent outwards by `bulge` px."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    breast = (x / 330) ** 2 + ((y - 280) / 300) ** 2 < 1
    share = np.clip(y / wall, 0, 1)
    muscle = breast & (y < wall) & (x < top * (1 - share) + bulge * np.sin(np.pi * share))
    rng = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(rng.standard_normal(breast.shape), 8) * 120
    gland = 60 * (((x - 180) / 90) ** 2 + ((y - 380) / 110) ** 2 < 1)
    image = ndimage.gaussian_filter(90.0 + 70 * muscle + gland, 3) + texture
    image *= np.clip(ndimage.distance_transform_edt(np.pad(breast, ((9, 0), (9, 0)), "edge"))[9:, 9:] / 25, 0, 1)
    return np.clip(image, 0, 255).astype(np.uint8), breast, muscle


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float((found & true).sum() / (found | true).sum())


@pytest.mark.parametrize(("top", "wall", "bulge"), [(150, 260, 0), (200, 400, 0), (110, 330, 12), (190, 300, -12)])
def test_finds_the_drawn_muscle(top: float, wall: float, bulge: float) -> None:
    image, breast, muscle = drawn(top, wall, bulge)
    for given in (image, image.astype(np.uint16) * 200):
        found = pectoral_muscle(given, breast)
        assert found.dtype == bool
        assert not (found & ~breast).any()
        assert overlap(found, muscle) > 0.9


def test_the_mirrored_film_has_the_mirrored_muscle() -> None:
    image, breast, _ = drawn(170, 320)
    found = pectoral_muscle(image, breast)
    assert (pectoral_muscle(image[:, ::-1].copy(), breast[:, ::-1].copy())[:, ::-1] == found).all()


def test_tissue_is_one_piece_without_muscle_and_label() -> None:
    image, breast, muscle = drawn(170, 320)
    image[20:80, 350:390] = 255  # a label
    tissue = tissue_mask(image, "MLO")
    assert ndimage.label(tissue)[1] == 1
    assert not tissue[20:80, 350:390].any()
    assert overlap(tissue, breast & ~muscle) > 0.93
    for view in ("CC", None):
        assert (tissue_mask(image, view) == breast_mask(image)).all()
    assert not tissue_mask(np.zeros((90, 60), dtype=np.uint8), "MLO").any()


def test_without_an_edge_there_is_none() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    breast = (x / 330) ** 2 + ((y - 280) / 300) ** 2 < 1
    texture = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(breast.shape), 3) * 30
    image = np.clip(breast * (120 + texture), 0, 255).astype(np.uint8)
    assert not pectoral_muscle(image, breast).any()
    assert not pectoral_muscle(image, np.zeros_like(breast)).any()
    assert not pectoral_muscle(np.full_like(image, 9), np.ones_like(breast)).any()
    with pytest.raises(ValueError, match=r"\(600, 400\), got \(400, 600\)"):
        pectoral_muscle(image, breast.T)


@pytest.mark.skipif(not FILMS_OF_MIAS.is_file(), reason=f"no real films: {FILMS_OF_MIAS} isn't there")
def test_real_films_have_a_bright_upper_corner() -> None:
    """All of MIAS are MLO views: a muscle is found, at the top, brighter than the tissue beside it."""
    for name, image in real_films():
        breast = breast_mask(image)
        muscle = pectoral_muscle(image, breast)
        assert 0.01 < muscle.sum() / breast.sum() < 0.45, name
        rows = np.flatnonzero(muscle.any(axis=1))
        assert rows[0] <= np.flatnonzero(breast.any(axis=1))[0] + 5, name
        beside = (
            ndimage.binary_dilation(muscle, iterations=25) & ~ndimage.binary_dilation(muscle, iterations=5) & breast
        )
        assert not (tissue_mask(image, "MLO") & muscle).any(), name
        assert image[muscle].mean() > image[beside].mean() + 10, name
