"""What a comparison of two archives leaves behind: its values as JSON and as a table, its plots, its words."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.evaluation.archive_comparison import ArchiveTexture, Measured
from mammo_gan.evaluation.texture import FilmTexture, as_shares
from mammo_gan.reporting.comparison_page import Plot, Row
from mammo_gan.reporting.figures import comparison as figures

SHOWN = 6  # films of each archive
_SHOWN_HEIGHT = 500  # px


@dataclass(frozen=True, slots=True)
class Archive:
    """One of the two: where it is, which of its films are measured, and what they showed."""

    name: str
    phantom: bool
    reader: Reader
    root: Path
    records: list[Mammogram]
    of: int  # images that could have been measured
    films: list[FilmTexture]


Archives = tuple[Archive, Archive]
Textures = tuple[ArchiveTexture, ArchiveTexture]


def sentence(archives: Archives, difference: Measured | None) -> str:
    if difference is None:
        return "No spectra to compare: no window lies wholly in tissue, or the size of a pixel isn't known."
    between = "" if difference.interval is None else f" (95 % interval {_span(difference)})"
    return (
        f"The exponent of the power spectrum of {archives[0].name} differs from that of {archives[1].name} by "
        f"{difference.value:+.2f}{between}."
    )


def notes(archives: Archives, band: tuple[float, float], window_mm: float) -> list[str]:
    notes = [
        f"Spectra: windows of {window_mm:g} mm wholly in tissue without muscle, mean removed, Hann window, averaged "
        f"over windows and films; exponents are fitted from {band[0]:g} to {band[1]:.3g} cycles per mm."
    ]
    for archive in archives:
        without = sum(film.power is None for film in archive.films)
        unfound = len(archive.records) - len(archive.films)
        if without:
            notes.append(f"{archive.name}: {without} films have no window wholly in tissue, or no known pixel size.")
        if unfound:
            notes.append(f"{archive.name}: on {unfound} films no breast was found.")
        if len(archive.records) < archive.of:
            notes.append(f"{archive.name}: {len(archive.records)} of {archive.of} images were taken, evenly spread.")
    return notes


def counts(archives: Archives, textures: Textures, view: str | None) -> dict[str, tuple[str, str]]:
    ours, reference = textures
    return {
        "archive": (archives[0].name, archives[1].name),
        "view": (view or "all", view or "all"),
        "images": (f"{ours.images:,}", f"{reference.images:,}"),
        "patients": (f"{ours.patients:,}", f"{reference.patients:,}"),
        "windows": (f"{ours.windows:,}", f"{reference.windows:,}"),
        "density A to D": (_categories(ours), _categories(reference)),
    }


def _categories(texture: ArchiveTexture) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in texture.categories.items()) or "not known"


def rows(textures: Textures) -> list[Row]:
    ours, reference = (texture.values for texture in textures)
    names = list(dict.fromkeys([*ours, *reference]))
    return [
        Row(
            name=name,
            ours=_number(ours.get(name)),
            ours_interval=_span(ours.get(name)),
            reference=_number(reference.get(name)),
            reference_interval=_span(reference.get(name)),
        )
        for name in names
    ]


def _number(measured: Measured | None) -> str:
    return "not measured" if measured is None or math.isnan(measured.value) else f"{measured.value:.4g}"


def _span(measured: Measured | None) -> str:
    return "" if measured is None or measured.interval is None else "{:.4g} to {:.4g}".format(*measured.interval)


def described(archive: Archive, texture: ArchiveTexture) -> dict[str, Any]:
    spectrum = texture.spectrum
    return {
        "name": archive.name,
        "source": "phantom" if archive.phantom else "disk",
        "images": texture.images,
        "patients": texture.patients,
        "windows": texture.windows,
        "values": {name: as_json(measured) for name, measured in texture.values.items()},
        "categories": texture.categories,
        "histogram": texture.histogram.tolist(),
        "spectrum": None
        if spectrum is None
        else {"cycles_per_mm": spectrum.frequency.tolist(), "power": spectrum.power.tolist()},
    }


def as_json(measured: Measured) -> dict[str, Any]:
    value = None if math.isnan(measured.value) else measured.value
    return {"value": value, "interval": measured.interval, "films": measured.films}


def table(archives: Archives, textures: Textures) -> str:
    with io.StringIO(newline="") as text:
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("archive", "images", "patients", "value", "mean", "low", "high", "films"))
        for archive, texture in zip(archives, textures, strict=True):
            for name, measured in texture.values.items():
                low, high = measured.interval or ("", "")
                counts = archive.name, texture.images, texture.patients
                table.writerow((*counts, name, measured.value, low, high, measured.films))
        return text.getvalue()


def side(archive: Archive, texture: ArchiveTexture) -> figures.Side:
    exponent = texture.values.get("exponent")
    return figures.Side(
        name=archive.name,
        images=texture.images,
        patients=texture.patients,
        spectrum=texture.spectrum,
        exponent=None if exponent is None else exponent.value,
        grey=texture.histogram,
        moments=texture.moments,
        films=[_small(archive, record) for record in _spread(archive.records)],
    )


def _spread(records: list[Mammogram]) -> list[Mammogram]:
    """A few films from all over the archive."""
    places = np.linspace(0, len(records) - 1, min(SHOWN, len(records))).astype(int)
    return [records[i] for i in np.unique(places)]


def _small(archive: Archive, record: Mammogram) -> NDArray[np.uint8]:
    grey = np.asarray(as_shares(archive.reader.pixels(archive.root, record)), dtype=np.float32)
    scale = min(1.0, _SHOWN_HEIGHT / grey.shape[0])
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    return np.rint(255 * cv2.resize(grey, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)


def plots(sides: figures.Sides, band: tuple[float, float]) -> list[Plot]:
    names = f"{sides[0].name} and {sides[1].name}"
    drawn = (
        ("spectra", figures.spectra(sides, band), "power over frequency", "Mean spectra, and the power laws fitted."),
        ("grey_levels", figures.grey_levels(sides), "histograms of grey", "Grey levels, each film alike."),
        ("moments", figures.moments_side_by_side(sides), "histograms of five moments", "Moments of each film."),
        ("films", figures.films_side_by_side(sides), "films in two rows", "Films from all over each archive."),
    )
    return [
        Plot(name=name, png=figures.to_png(figure), alt=f"{what}: {names}", caption=caption)
        for name, figure, what, caption in drawn
    ]
