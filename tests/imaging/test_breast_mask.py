"""The breast mask on drawn films whose breast is known, and on real ones whose lesions are."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mammo_gan.imaging.breast_mask import breast_mask, nonzero_mask

MIAS = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"
FILMS_OF_MIAS = MIAS / "mini_mias_215.tar.xz"
FILMS = 12  # the first of the tarball; with tape, labels, hairlines and a margin that light shone through

HEIGHT, WIDTH = 600, 400


def half_ellipse() -> np.ndarray:
    """A breast at the left border, (H, W) bool."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((x / 260) ** 2 + ((y - 320) / 240) ** 2 < 1)


def film(background: float = 0.0, noise: float = 0.0, peak: float = 0.8) -> np.ndarray:
    """float32 in [0, 1]: tissue with a dense centre that fades towards the skin, on film of some grey and noise."""
    breast = half_ellipse()
    depth = ndimage.distance_transform_edt(np.pad(breast, ((0, 0), (60, 0)), mode="edge"))[:, 60:]
    tissue = peak * (0.3 + 0.7 * np.clip(depth / 120, 0, 1)) * np.clip(depth / 12, 0, 1)
    grain = noise * np.random.default_rng(0).standard_normal(breast.shape)
    return np.asarray(np.clip(np.maximum(background, tissue) + grain, 0, 1), dtype=np.float32)


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float((found & true).sum() / (found | true).sum())


def in_bits(image: np.ndarray, bits: int) -> np.ndarray:
    return np.asarray(np.rint(image * (2**bits - 1)), dtype=np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("background", "noise"), [(0.0, 0.0), (0.03, 0.01), (0.1, 0.03)])
def test_finds_the_breast_to_the_skin(bits: int, background: float, noise: float) -> None:
    found = breast_mask(in_bits(film(background, noise), bits))
    assert found.dtype == bool
    assert found.shape == (HEIGHT, WIDTH)
    assert overlap(found, half_ellipse()) > 0.95


def test_labels_tape_and_text_are_not_breast() -> None:
    image = film(background=0.04, noise=0.01)
    artefacts = np.zeros(image.shape, dtype=bool)
    artefacts[20:90, 320:390] = True  # a label
    artefacts[40:44, 200:320] = True  # a scratch from the label towards the breast
    artefacts[500:590, 330:345] = True  # tape
    artefacts[300:308, 290:298] = True  # a character close to the skin
    image[artefacts] = 1.0
    found = breast_mask(in_bits(image, 8))
    assert not (found & artefacts).any()
    assert overlap(found, half_ellipse()) > 0.95


@pytest.mark.parametrize("side", ["right", "left", "bottom"])
def test_white_margins_are_not_breast_even_where_they_touch_it(side: str) -> None:
    margin = np.zeros((HEIGHT, WIDTH), dtype=bool)
    margin[{"right": np.s_[:, -60:], "left": np.s_[:, :20], "bottom": np.s_[-30:, :]}[side]] = True
    image = film()
    image[margin] = 1.0
    found = breast_mask(in_bits(image, 8))
    assert (found & margin).mean() < 0.002
    assert overlap(found, half_ellipse() & ~margin) > 0.95


def test_a_margin_larger_than_the_breast_is_not_taken_for_it() -> None:
    image = film()
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image[((x / 110) ** 2 + ((y - 320) / 120) ** 2 >= 1) & (x < 300)] = 0  # a small breast remains
    image[200:, 310:] = 1.0
    found = breast_mask(in_bits(image, 8))
    assert found[320, 40]
    assert not found[:, 310:].any()


def test_a_flat_white_breast_is_no_margin() -> None:
    breast = half_ellipse()
    assert overlap(breast_mask(in_bits(breast.astype(np.float32), 8)), breast) > 0.95


def test_holes_are_filled() -> None:
    image = film()
    image[300:340, 60:120] = 0.0
    assert breast_mask(in_bits(image, 16))[300:340, 60:120].all()


def test_turning_the_film_turns_the_mask() -> None:
    image = in_bits(film(0.05, 0.01), 16)
    found = breast_mask(image)
    assert overlap(breast_mask(image[:, ::-1].copy())[:, ::-1], found) > 0.98
    assert overlap(breast_mask(image.T.copy()).T, found) > 0.98


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_simple_mask_is_all_above_black(dtype: type) -> None:
    image: np.ndarray = np.array([[0, 1, 0], [200, 0, 3]], dtype=dtype)
    assert nonzero_mask(image).tolist() == [[False, True, False], [True, False, True]]
    assert not nonzero_mask(-image.astype(np.float32)).any()


def test_an_empty_film_has_no_breast() -> None:
    assert not breast_mask(np.full((300, 200), 7, dtype=np.uint16)).any()


def test_only_single_grey_images() -> None:
    with pytest.raises(ValueError, match=r"\(4, 4, 3\)"):
        breast_mask(np.zeros((4, 4, 3), dtype=np.uint8))


def real_films() -> list[tuple[str, np.ndarray]]:
    films = []
    with tarfile.open(FILMS_OF_MIAS) as tar:
        for member in tar:
            if member.name.endswith(".pgm"):
                content = tar.extractfile(member)
                assert content is not None
                films.append((Path(member.name).stem, np.asarray(Image.open(io.BytesIO(content.read())))))
            if len(films) == FILMS:
                break
    return films


@pytest.mark.skipif(not FILMS_OF_MIAS.is_file(), reason=f"no real films: {FILMS_OF_MIAS} isn't there")
def test_real_films() -> None:
    circles = {}
    for line in (MIAS / "Info.txt").read_text(encoding="latin-1").splitlines():
        fields = line.split()
        if len(fields) == 7 and fields[0].startswith("mdb"):
            x, y, radius = (int(value) for value in fields[4:])
            circles[fields[0]] = (x, 1024 - y, radius)
    for name, image in real_films():
        mask = breast_mask(image)
        _, parts = ndimage.label(mask)
        assert parts == 1, name
        assert 0.15 < mask.mean() < 0.6, name
        white = image == 255  # labels and tape; tissue seldom is
        assert (mask & white).sum() <= 0.05 * white.sum(), name
        if name in circles:
            x, row, radius = circles[name]
            y_of, x_of = np.mgrid[:1024, :1024]
            assert mask[(x_of - x) ** 2 + (y_of - row) ** 2 <= radius**2].mean() > 0.95, name
