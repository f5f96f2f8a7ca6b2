"""Percent density measured back from drawn films, and against real films' kinds of tissue."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from mammo_gan.archives.mias import parse_info
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.parenchyma import dense_share
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, draw_patient
from mammo_gan.archives.records import Density, View
from mammo_gan.imaging.density import LIMITS, category, dense_mask, percent_density
from tests.imaging.test_breast_mask import FILMS_OF_MIAS, MIAS

GRID = Grid(240, 131)
PATIENTS = 40
VIEWS: tuple[View, View] = ("CC", "MLO")
KINDS: tuple[Density, ...] = ("A", "B", "C", "D")


@pytest.fixture(scope="module")
def drawn_and_measured() -> np.ndarray:
    """(patients, 3): the share drawn, and percent density on the CC and the MLO view, ten patients of each density."""
    rows = []
    for number in range(1, PATIENTS + 1):
        density = KINDS[number % 4]
        patient = replace(draw_patient(number, 3, OUTCOMES, DENSITIES, 0.5), density=density)
        films = [draw_film(patient, "L", view, GRID, 3).intensity for view in VIEWS]
        measured = [percent_density(film, view, GRID.mm_per_px) for film, view in zip(films, VIEWS, strict=True)]
        rows.append([dense_share(density, patient.density_rank), *measured])
    return np.array(rows)


def test_the_drawn_category_is_measured_back(drawn_and_measured: np.ndarray) -> None:
    drawn = np.searchsorted(LIMITS, drawn_and_measured[:, 0])
    assert np.bincount(drawn).tolist() == [10, 10, 10, 10]
    of_patient = np.array([KINDS.index(category(share)) for share in drawn_and_measured[:, 1:].mean(axis=1)])
    assert (of_patient == drawn).mean() >= 0.8
    assert np.abs(of_patient - drawn).max() <= 1
    for view in (1, 2):
        of_film = np.array([KINDS.index(category(share)) for share in drawn_and_measured[:, view]])
        assert (of_film == drawn).mean() >= 0.75


def test_what_is_measured_rises_with_what_was_drawn(drawn_and_measured: np.ndarray) -> None:
    assert spearmanr(drawn_and_measured[:, 0], drawn_and_measured[:, 1:].mean(axis=1)).statistic > 0.9
    for view in (1, 2):
        assert spearmanr(drawn_and_measured[:, 0], drawn_and_measured[:, view]).statistic > 0.8
    drawn = np.searchsorted(LIMITS, drawn_and_measured[:, 0])
    means = [drawn_and_measured[drawn == kind, 1:].mean() for kind in range(4)]
    assert means == sorted(means)


def test_neither_gain_nor_offset_nor_mirror_nor_bits_matter() -> None:
    patient = replace(draw_patient(5, 3, OUTCOMES, DENSITIES, 0.5), density="C", finding=None)
    film = draw_film(patient, "L", "CC", GRID, 3).intensity
    measured = percent_density(film, "CC", GRID.mm_per_px)
    for other in (film[:, ::-1].copy(), film / 65535, (film // 2 + 9000).astype(np.uint16)):
        assert percent_density(other, "CC", GRID.mm_per_px) == pytest.approx(measured, abs=0.02)
    assert percent_density((film // 257).astype(np.uint8), "CC", GRID.mm_per_px) == pytest.approx(measured, abs=0.03)


def test_dense_tissue_lies_where_it_was_put() -> None:
    """A breast of even fat with a disk of gland: only the disk is dense."""
    y, x = np.mgrid[:240, :131]
    depth = 90 - np.hypot(x, y - 120)
    disk = np.hypot(x - 35, y - 120) < 20
    film = np.where(depth > 0, 0.1 + 0.4 * np.clip(depth / 20, 0, 1), 0.03) + 0.3 * disk
    dense, breast = dense_mask(film, "CC", 1.0)
    assert (dense & disk).sum() / (dense | disk).sum() > 0.9
    assert percent_density(film, "CC", 1.0) == pytest.approx(disk.sum() / breast.sum(), abs=0.02)
    assert percent_density(film - 0.3 * disk, "CC", 1.0) < 0.01


def test_limits_belong_to_the_category_above_them() -> None:
    assert [category(share) for share in (0, 0.099, 0.1, 0.249, 0.25, 0.499, 0.5, 1)] == list("AABBCCDD")


def test_without_breast_or_size_there_is_none() -> None:
    assert np.isnan(percent_density(np.zeros((90, 60), dtype=np.uint8), "MLO", 1.0))
    with pytest.raises(ValueError, match="more than 0 mm"):
        percent_density(np.eye(60), "CC", 0.0)


@pytest.mark.slow
@pytest.mark.skipif(not FILMS_OF_MIAS.is_file(), reason=f"no real films: {FILMS_OF_MIAS} isn't there")
def test_real_films_get_denser_from_fatty_to_dense_glandular() -> None:
    rows, _ = parse_info((MIAS / "Info.txt").read_text(encoding="utf-8"))
    tissue, measured = [], []
    with tarfile.open(FILMS_OF_MIAS) as tar:
        for member in tar:
            if not member.name.endswith(".pgm"):
                continue
            file = tar.extractfile(member)
            assert file is not None
            with Image.open(io.BytesIO(file.read())) as image:
                measured.append(percent_density(np.asarray(image), "MLO", 0.2))
            tissue.append("FGD".index(rows[member.name[3:6]][0].tissue))
    assert spearmanr(tissue, measured).statistic > 0.3
    medians = [np.median(np.array(measured)[np.array(tissue) == kind]) for kind in range(3)]
    assert medians == sorted(medians)
