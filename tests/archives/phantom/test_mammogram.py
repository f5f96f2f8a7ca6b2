from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.mammogram import PhantomFilm, draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, Patient, draw_patient
from mammo_gan.archives.records import Density, Laterality, View
from mammo_gan.imaging.breast_mask import breast_mask

GRID = Grid(240, 131)
SEED = 0
FILMS: list[tuple[Laterality, View]] = [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")]


def a_patient(number: int = 1) -> Patient:
    return draw_patient(number, SEED, {"malignant": 0.5, "benign": 0.5}, DENSITIES, 0.5)


def test_the_lesion_is_in_both_views_of_its_side_alone() -> None:
    for number in range(1, 5):
        patient = a_patient(number)
        for laterality, view in FILMS:
            film = draw_film(patient, laterality, view, GRID, SEED)
            assert (film.lesion is not None) == (laterality == patient.affected)
            if film.lesion is not None:
                assert film.lesion.any()
                assert not (film.lesion & ~film.breast).any()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_film_differs_from_the_one_without_the_lesion_within_the_mask_alone(number: int) -> None:
    patient = a_patient(number)
    assert patient.affected is not None
    film = draw_film(patient, patient.affected, "MLO", GRID, SEED)
    without = draw_film(replace(patient, finding=None), patient.affected, "MLO", GRID, SEED)
    changed = film.intensity != without.intensity
    assert film.lesion is not None
    assert changed[film.lesion].any()
    assert not changed[~film.lesion].any()
    assert (film.intensity >= without.intensity).all()


def test_left_and_right_hang_on_opposite_edges() -> None:
    patient = a_patient()
    for laterality, view in FILMS:
        film = draw_film(patient, laterality, view, GRID, SEED)
        wall, free = (0, -1) if laterality == "L" else (-1, 0)
        assert film.breast[:, wall].any()
        assert not film.breast[:, free].any()
        assert film.intensity[:, wall].mean() > 3 * film.intensity[:, free].mean()


def test_dense_breasts_are_brighter() -> None:
    def brightness(density: Density) -> float:
        film = draw_film(replace(a_patient(), density=density, finding=None), "L", "CC", GRID, SEED)
        return float(film.intensity[film.breast].mean())

    means = [brightness(density) for density in DENSITIES]
    assert means == sorted(means)
    assert means[3] > 1.2 * means[0]


def test_grey_levels_are_spread_over_the_range() -> None:
    films = [draw_film(a_patient(number), "L", "MLO", GRID, SEED) for number in range(1, 7)]
    grey = np.concatenate([film.intensity[film.breast] for film in films]) / 65535
    assert np.percentile(grey, 1) < 0.15
    assert np.percentile(grey, 99) > 0.7
    assert grey.max() < 1


def test_film_that_the_breast_leaves_free_is_dark_and_noisy() -> None:
    film = draw_film(a_patient(), "L", "CC", GRID, SEED)
    free = film.intensity[:, -10:] / 65535
    assert 0 < free.mean() < 0.1
    assert 0 < free.std() < 0.02


@pytest.mark.parametrize(("laterality", "view"), FILMS)
def test_the_breast_is_found_as_on_a_real_film(laterality: Laterality, view: View) -> None:
    film: PhantomFilm = draw_film(a_patient(2), laterality, view, GRID, SEED)
    found = breast_mask(film.intensity)
    assert (found & film.breast).sum() / (found | film.breast).sum() > 0.9
