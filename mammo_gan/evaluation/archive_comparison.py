"""Two archives' textures side by side, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_gan.evaluation.texture import FilmTexture, TextureRecipe
from mammo_gan.imaging.density import category
from mammo_gan.statistics.bootstrap import interval_by_patient
from mammo_gan.statistics.moments import Moments
from mammo_gan.statistics.spectrum import Spectrum, exponent

_OF_NYQUIST = 0.8  # frequencies nearer to half the sampling rate are shaped by the scanner

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, its 95 % interval over patients (None with fewer than two) and the films that it is from."""

    value: float
    interval: Interval
    films: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveTexture:
    """An archive's values. `values` maps their names to them; all but the exponent are means over films.

    spectrum:   mean over windows; None where no window fits into any film
    histogram:  (LEVELS,) density of grey over [0, 1] within the breast, each film alike
    categories: share of films in each BI-RADS-like category of percent density
    """

    images: int
    patients: int
    windows: int
    spectrum: Spectrum | None
    values: dict[str, Measured]
    moments: dict[str, NDArray[np.float64]]  # one value per film
    histogram: NDArray[np.float64]
    categories: dict[str, float]


def common_band(sets: Sequence[Sequence[FilmTexture]], recipe: TextureRecipe) -> tuple[float, float]:
    """(low, high) cycles per mm that all films with a spectrum resolve, within the recipe's."""
    sizes = [film.mm_per_px for films in sets for film in films if film.power is not None and film.mm_per_px]
    return recipe.low, min([recipe.high, *(_OF_NYQUIST / (2 * size) for size in sizes)])


def summarise(
    films: Sequence[FilmTexture], window_mm: float, band: tuple[float, float], resamples: int, rng: np.random.Generator
) -> ArchiveTexture:
    """One archive's values; see `ArchiveTexture`.

    Raises:
        ValueError: there is no film, or the band is too narrow for a slope.
    """
    if not films:
        raise ValueError("an archive without films has no texture")
    per_film = {name: _numbers([getattr(film.moments, name) for film in films]) for name in Moments._fields}
    densities = [film.density for film in films if film.density is not None and np.isfinite(film.density)]
    named = {**per_film, "percent density": _numbers([film.density for film in films])}
    values = {name: _mean(series, films, resamples, rng) for name, series in named.items()}
    spectrum = None
    seen = _with_power(films)
    if seen:
        spectrum = mean_spectrum(seen, window_mm)
        interval = interval_by_patient(
            lambda rows: slope([seen[row] for row in rows.tolist()], window_mm, band), _patients(seen), rng, resamples
        )
        values = {"exponent": Measured(exponent(spectrum, *band), interval, len(seen)), **values}
    shares = [film.histogram / film.histogram.sum() for film in films]
    return ArchiveTexture(
        images=len(films),
        patients=len(set(_patients(films))),
        windows=sum(film.windows for film in films),
        spectrum=spectrum,
        values=values,
        moments=per_film,
        histogram=np.mean(shares, axis=0) * len(shares[0]),
        categories={name: _share_of([category(d) for d in densities], name) for name in "ABCD"} if densities else {},
    )


def exponent_difference(
    films: Sequence[FilmTexture],
    reference: Sequence[FilmTexture],
    window_mm: float,
    band: tuple[float, float],
    resamples: int,
    rng: np.random.Generator,
) -> Measured | None:
    """Exponent of the first set less that of the second, patients of both drawn; None where a set has no spectrum."""
    first, second = _with_power(films), _with_power(reference)
    if not first or not second:
        return None
    both = [*first, *second]
    # A patient of one archive is none of the other's, whatever they are called.
    patients = [f"{'first' if i < len(first) else 'second'}:{film.patient}" for i, film in enumerate(both)]

    def difference(rows: NDArray[np.intp]) -> float:
        ours = [both[row] for row in rows.tolist() if row < len(first)]
        theirs = [both[row] for row in rows.tolist() if row >= len(first)]
        return slope(ours, window_mm, band) - slope(theirs, window_mm, band)

    everything = np.arange(len(both))
    return Measured(difference(everything), interval_by_patient(difference, patients, rng, resamples), len(both))


def slope(films: Sequence[FilmTexture], window_mm: float, band: tuple[float, float]) -> float:
    """Exponent of the films' mean spectrum; nan without a film."""
    return exponent(mean_spectrum(films, window_mm), *band) if films else float("nan")


def mean_spectrum(films: Sequence[FilmTexture], window_mm: float) -> Spectrum:
    """Over all windows of films that have some, up to the frequency that all of them resolve."""
    powers = [film.power for film in films if film.power is not None]
    weights = np.array([film.windows for film in films if film.power is not None], dtype=np.float64)
    common = min(map(len, powers))
    total = weights @ np.stack([power[:common] for power in powers])
    return Spectrum(np.arange(1, common + 1) / window_mm, total / weights.sum())


def _with_power(films: Sequence[FilmTexture]) -> list[FilmTexture]:
    return [film for film in films if film.power is not None]


def _mean(
    series: NDArray[np.float64], films: Sequence[FilmTexture], resamples: int, rng: np.random.Generator
) -> Measured:
    known = np.flatnonzero(np.isfinite(series))
    if not known.size:
        return Measured(float("nan"), None, 0)
    patients = [films[row].patient for row in known.tolist()]
    kept = series[known]
    interval = interval_by_patient(lambda rows: float(kept[rows].mean()), patients, rng, resamples)
    return Measured(float(kept.mean()), interval, len(known))


def _numbers(values: Sequence[object]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _patients(films: Sequence[FilmTexture]) -> list[str]:
    return [film.patient for film in films]


def _share_of(names: Sequence[str], name: str) -> float:
    return sum(each == name for each in names) / len(names)
