from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.archives.phantom.film import FAT, GLAND, develop

THICKNESS = 50.0


def exposed(attenuation: float, mm_per_px: float = 0.7) -> np.ndarray:
    """Grey levels of an even film, as shares of white."""
    beam = np.full((200, 200), attenuation, dtype=np.float32)
    return develop(beam, THICKNESS, mm_per_px, np.random.default_rng(0)) / 65535


def test_free_film_is_nearly_black_and_dense_tissue_bright() -> None:
    free, fat, gland = (exposed(a).mean() for a in (0.0, FAT * THICKNESS, GLAND * THICKNESS))
    assert 0 < free < 0.1
    assert 0.25 < fat < 0.45
    assert gland > 0.75


def test_density_by_hand() -> None:
    # Fat with 0.3 more stands in the middle of the curve: 0.18 + 2.72 / 2 = 1.54, hence (3 - 1.54) / 2.95.
    assert exposed(FAT * THICKNESS + 0.3).mean() == pytest.approx(0.4949, abs=1e-3)


def test_grain_falls_with_the_side_of_a_pixel() -> None:
    coarse, fine = (exposed(2.5, mm_per_px).std() for mm_per_px in (0.4, 0.2))
    assert fine == pytest.approx(2 * coarse, rel=0.05)
    assert coarse == pytest.approx(0.0025 / 0.4 / 2.95, rel=0.05)


def test_a_longer_exposure_darkens_as_less_tissue_does() -> None:
    def grey(attenuation: float, darker: float) -> np.ndarray:
        beam = np.full((50, 50), attenuation, dtype=np.float32)
        return develop(beam, THICKNESS, 0.7, np.random.default_rng(0), darker=darker)

    assert np.abs(grey(2.5, 0.2).astype(int) - grey(2.3, 0.0)).max() <= 1
