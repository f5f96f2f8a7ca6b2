from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import regionprops

from mammo_gan.archives.phantom.calcifications import describe_cluster, draw_cluster
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding, FindingKind, FindingPathology, Lesion, Window, whole
from mammo_gan.archives.phantom.masses import describe_mass, draw_mass
from mammo_gan.imaging.outlines import chain_to_polygon, mask_to_chain, polygon_to_mask

KINDS: list[FindingKind] = ["mass", "calcification"]
PATHOLOGIES: list[FindingPathology] = ["benign", "malignant"]


def draw(
    kind: FindingKind,
    pathology: FindingPathology,
    seed: int,
    height: int = 480,
    at: tuple[float, float] = (60.3, 111.7),
    allowed_from: float = 3.0,
) -> tuple[Finding, Lesion]:
    """A lesion at `at`, xy in mm, with nothing of it nearer to the chest wall than `allowed_from`."""
    grid, rng = Grid(height, height // 2), np.random.default_rng(seed)
    allowed = np.broadcast_to(grid.x > allowed_from, (grid.height, grid.width))
    if kind == "mass":
        finding = describe_mass(pathology, rng)
        return finding, draw_mass(finding, at, allowed, grid, rng)
    finding = describe_cluster(pathology, rng)
    return finding, draw_cluster(finding, at, (95.0, 120.0), allowed, grid, rng)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(PATHOLOGIES),
    st.integers(0, 10**6),
    st.sampled_from([96, 172, 344, 700]),
    st.tuples(st.floats(12, 112), st.floats(6, 234)),
)
def test_a_mask_survives_its_chain_code_wherever_the_lesion_lies(
    kind: FindingKind, pathology: FindingPathology, seed: int, height: int, at: tuple[float, float]
) -> None:
    _, lesion = draw(kind, pathology, seed, height, at)
    again = polygon_to_mask(chain_to_polygon(*mask_to_chain(lesion.mask)), *lesion.mask.shape)
    np.testing.assert_array_equal(again, lesion.mask)
    assert not lesion.attenuation[~lesion.mask].any()
    assert (lesion.attenuation >= 0).all()
    assert not lesion.mask[:, : int(3 / 240 * height)].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lesion_where_none_is_allowed_is_refused(kind: FindingKind) -> None:
    with pytest.raises(ValueError, match="lies where it is allowed"):
        draw(kind, "benign", 0, allowed_from=120.0)


@pytest.mark.parametrize("pathology", PATHOLOGIES)
@pytest.mark.parametrize("seed", range(8))
def test_the_mask_of_a_mass_is_what_was_added(pathology: FindingPathology, seed: int) -> None:
    _, lesion = draw("mass", pathology, seed)
    np.testing.assert_array_equal(lesion.mask, lesion.attenuation > 0)


@pytest.mark.parametrize("pathology", PATHOLOGIES)
@pytest.mark.parametrize("seed", range(8))
def test_the_mask_of_a_cluster_is_the_region_of_its_specks(pathology: FindingPathology, seed: int) -> None:
    _, lesion = draw("calcification", pathology, seed)
    specks = lesion.attenuation > 0
    hull = cv2.fillConvexPoly(
        np.zeros(specks.shape, np.uint8), cv2.convexHull(np.argwhere(specks)[:, ::-1].astype(np.int32)), 1
    )
    beyond = ndimage.distance_transform_edt(hull == 0)[lesion.mask] * Grid(480, 240).mm_per_px
    assert not (specks & ~lesion.mask).any()
    assert 0.5 < beyond.max() < 2.5  # mm
    assert specks.sum() < 0.5 * lesion.mask.sum()


@pytest.mark.parametrize("seed", range(8))
def test_specks_are_tiny_and_bright(seed: int) -> None:
    _, lesion = draw("calcification", "benign", seed, height=2000)
    parts, count = ndimage.label(lesion.attenuation > 0, np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:] * 0.12**2
    assert 5 <= len(sizes) <= 16
    assert max(sizes) < 1.5  # mm^2, two of them touching at most
    assert lesion.attenuation.max() > 0.2


def test_malignant_masses_are_less_solid_than_benign_ones() -> None:
    def solidities(pathology: FindingPathology) -> list[float]:
        masks = [draw("mass", pathology, seed, height=700)[1].mask for seed in range(12)]
        return [float(regionprops(mask.astype(int))[0].solidity) for mask in masks]  # type: ignore[no-untyped-call]

    benign, malignant = solidities("benign"), solidities("malignant")
    assert min(benign) > 0.9
    assert np.mean(malignant) < np.mean(benign) - 0.1


def test_the_more_conspicuous_the_less_subtle() -> None:
    rng = np.random.default_rng(0)
    for describe in (describe_mass, describe_cluster):
        findings = sorted((describe("benign", rng) for _ in range(60)), key=lambda finding: finding.conspicuity)
        assert np.diff([finding.subtlety for finding in findings]).min() >= 0
        assert {finding.subtlety for finding in findings} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("height", [172, 344, 1375])
def test_what_is_added_does_not_depend_on_the_resolution(height: int) -> None:
    """The integral over the film, in mm^2: an ellipsoid of half axes 6, 4 (thickness 8) has 4/3 pi 6 4 4."""
    grid = Grid(height, height // 2)
    window = Window((61.3, 119.2), 8.0, grid)
    inside = np.clip(1 - (window.x / 6) ** 2 - (window.y / 4) ** 2, 0, 1)
    film = window.averaged(np.asarray(8 * np.sqrt(inside), dtype=np.float32))
    assert film.sum() * grid.mm_per_px**2 == pytest.approx(4 / 3 * np.pi * 6 * 4 * 4, rel=0.01)
    centre = (film * grid.x).sum() / film.sum(), (film * grid.y).sum() / film.sum()
    assert centre == pytest.approx((61.3, 119.2), abs=0.05)


def test_gaps_are_filled_and_loose_parts_left_off() -> None:
    attenuation = np.zeros((20, 20), dtype=np.float32)
    attenuation[4:9, 4:9] = 1.0
    attenuation[6, 6] = 0.0  # a gap
    attenuation[12, 12] = 0.5  # a loose speck
    attenuation[4, 9] = 0.01  # fainter than 4 %
    lesion = whole(attenuation, np.ones((20, 20), dtype=bool))
    expected = np.zeros((20, 20), dtype=bool)
    expected[4:9, 4:9] = True
    np.testing.assert_array_equal(lesion.mask, expected)
    assert lesion.attenuation[6, 6] == pytest.approx(0.04)
    assert lesion.attenuation.sum() == pytest.approx(24 + 0.04)
