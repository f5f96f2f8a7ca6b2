"""Masses: benign ones smooth and oval, malignant ones irregular and often spiculated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.film import FAT, GLAND
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding, FindingPathology, Lesion, Window, whole

_DEPTH = 2.0  # thickness in the beam over the mean radius, as of a ball


def describe_mass(pathology: FindingPathology, rng: np.random.Generator) -> Finding:
    """A mass in DDSM's words, its size and how well it is seen."""
    conspicuity = float(rng.uniform(0.6, 1.6))
    if pathology == "benign":
        shape = str(rng.choice(["OVAL", "ROUND", "LOBULATED"], p=[0.5, 0.2, 0.3]))
        margins = str(rng.choice(["CIRCUMSCRIBED", "OBSCURED"], p=[0.8, 0.2]))
        assessment = int(rng.choice([2, 3, 4], p=[0.3, 0.5, 0.2]))
    else:
        shape = str(rng.choice(["IRREGULAR", "LOBULATED"], p=[0.85, 0.15]))
        margins = (
            str(rng.choice(["SPICULATED", "ILL_DEFINED"], p=[0.7, 0.3])) if shape == "IRREGULAR" else "ILL_DEFINED"
        )
        assessment = int(rng.choice([4, 5], p=[0.4, 0.6]))
    return Finding(
        kind="mass",
        pathology=pathology,
        lesion_type=f"MASS SHAPE {shape} MARGINS {margins}",
        radius=float(np.clip(rng.lognormal(np.log(7.5), 0.3), 4.0, 14.0)),
        conspicuity=conspicuity,
        assessment=assessment,
        subtlety=int(np.clip(np.ceil((conspicuity - 0.6) / 0.2), 1, 5)),
    )


def draw_mass(
    finding: Finding, centre: tuple[float, float], allowed: NDArray[np.bool_], grid: Grid, rng: np.random.Generator
) -> Lesion:
    """A mass about `centre` (xy in mm) within `allowed`, (H, W) bool. Another draw is another view of it."""
    window = Window(centre, finding.extent, grid)
    angle, radius = np.arctan2(window.y, window.x), np.hypot(window.x, window.y)
    outline = finding.radius * _outline(finding, angle, rng)
    # The softer the margin, the flatter the mass runs out.
    softness = {"CIRCUMSCRIBED": 0.7, "OBSCURED": 1.0, "SPICULATED": 1.1, "ILL_DEFINED": 1.5}
    margins = finding.lesion_type.split()[-1]
    body = np.clip(1 - (radius / outline) ** 2, 0, 1) ** softness[margins]
    if margins == "SPICULATED":
        body = np.maximum(body, _spicules(finding.radius, angle, radius, rng))
    peak = (GLAND - FAT) * _DEPTH * finding.radius * finding.conspicuity
    return whole(window.averaged(np.asarray(peak * body, dtype=np.float32)), allowed)


def _outline(finding: Finding, angle: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Distance of the margin from the centre in each direction, about 1."""
    shape = finding.lesion_type.split()[2]
    ratio = {"ROUND": 0.95, "OVAL": 0.72, "LOBULATED": 0.82, "IRREGULAR": 0.8}[shape] + rng.uniform(-0.05, 0.05)
    turn = rng.uniform(0, np.pi)
    oval = np.sqrt(ratio) / np.sqrt((ratio * np.cos(angle - turn)) ** 2 + np.sin(angle - turn) ** 2)
    lowest, highest, height = {
        "ROUND": (2, 4, 0.01),
        "OVAL": (2, 4, 0.015),
        "LOBULATED": (3, 6, 0.05),
        "IRREGULAR": (2, 11, 0.10),
    }[shape]
    waves = np.zeros_like(angle)
    for order in range(lowest, highest):
        waves += rng.normal(0, height) * np.cos(order * angle + rng.uniform(0, 2 * np.pi)) / np.sqrt(order / 2)
    return np.asarray(oval * np.clip(1 + waves, 0.45, 1.6), dtype=np.float32)


def _spicules(
    size: float, angle: NDArray[np.float32], radius: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Thin, slightly bent lines out of the body, tapering; relative to the body's peak."""
    lines = np.zeros_like(radius)
    count = int(rng.integers(9, 18))
    for start in np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.22, count):
        length, bend = size * rng.uniform(0.3, 1.2), rng.normal(0, 0.35)
        along = (radius - 0.75 * size) / (length + 0.25 * size)
        direction = start + bend * np.clip(along, 0, 1)
        turn = np.angle(np.exp(1j * (angle - direction)))  # the smaller of both ways round
        width = 0.25 + 0.75 * np.clip(1 - along, 0, 1)
        profile = np.clip(1 - (radius * turn / width) ** 2, 0, 1) * np.clip(1 - along, 0, 1) ** 0.7
        lines = np.maximum(lines, rng.uniform(0.2, 0.5) * profile * (along > 0) * (np.abs(turn) < 1))
    return np.asarray(lines, dtype=np.float32)
