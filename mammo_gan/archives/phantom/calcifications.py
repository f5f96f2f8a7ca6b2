"""Clusters of microcalcifications: benign ones round and alike, malignant ones pleomorphic or in branching lines."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.phantom.film import CALCIUM
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.lesions import Finding, FindingPathology, Lesion, Window, filled

_MARGIN = 1.2  # mm around the outermost specks, as a radiologist's outline leaves


@dataclass(frozen=True, slots=True)
class _Speck:
    """An ellipsoid of calcium: its centre from the cluster's, half axes in mm and direction of the longer one."""

    x: float
    y: float
    long: float
    short: float
    direction: float


def describe_cluster(pathology: FindingPathology, rng: np.random.Generator) -> Finding:
    """A cluster in DDSM's words, its size and how well it is seen."""
    conspicuity = float(rng.uniform(0.7, 1.4))
    if pathology == "benign":
        kind = str(rng.choice(["PUNCTATE", "ROUND_AND_REGULAR"]))
        distribution = "CLUSTERED"
        assessment = int(rng.choice([2, 3, 4], p=[0.3, 0.5, 0.2]))
    else:
        kind = str(rng.choice(["PLEOMORPHIC", "FINE_LINEAR_BRANCHING"], p=[0.65, 0.35]))
        distribution = "LINEAR" if kind == "FINE_LINEAR_BRANCHING" else str(rng.choice(["CLUSTERED", "SEGMENTAL"]))
        assessment = int(rng.choice([4, 5], p=[0.5, 0.5]))
    return Finding(
        kind="calcification",
        pathology=pathology,
        lesion_type=f"CALCIFICATION TYPE {kind} DISTRIBUTION {distribution}",
        radius=float(rng.uniform(4.0, 8.0) if distribution == "CLUSTERED" else rng.uniform(7.0, 12.0)),
        conspicuity=conspicuity,
        assessment=assessment,
        subtlety=int(np.clip(np.ceil((conspicuity - 0.7) / 0.14), 1, 5)),
    )


def draw_cluster(
    finding: Finding,
    centre: tuple[float, float],
    nipple: tuple[float, float],
    allowed: NDArray[np.bool_],
    grid: Grid,
    rng: np.random.Generator,
) -> Lesion:
    """A cluster about `centre` (xy in mm) within `allowed`, (H, W) bool; segments and lines follow the ducts.

    These run towards `nipple`, xy in mm. The mask is the region that holds the specks, hence tissue between them too.
    """
    duct = float(np.arctan2(nipple[1] - centre[1], nipple[0] - centre[0]))
    window = Window(centre, finding.extent, grid)
    calcium = np.zeros(np.broadcast_shapes(window.x.shape, window.y.shape), dtype=np.float32)
    for speck in _specks(finding, duct, rng):
        across, along = _turned(window.x - speck.x, window.y - speck.y, speck.direction)
        inside = np.clip(1 - (along / speck.long) ** 2 - (across / speck.short) ** 2, 0, 1)
        calcium = np.maximum(calcium, 2 * speck.short * np.sqrt(inside))
    attenuation = window.averaged(CALCIUM * finding.conspicuity * calcium)
    attenuation[~allowed] = 0
    if not attenuation.any():
        raise ValueError("nothing of the cluster lies where it is allowed")
    return Lesion(attenuation, _region(attenuation > 0, allowed, grid))


def _specks(finding: Finding, duct: float, rng: np.random.Generator) -> list[_Speck]:
    kind, distribution = finding.lesion_type.split()[2], finding.lesion_type.split()[4]
    places = _branches(finding.radius, rng) if distribution == "LINEAR" else _ellipse(finding, distribution, rng)
    typical = rng.uniform(0.22, 0.34)
    specks = []
    for along, across, direction in places:
        x, y = along * np.cos(duct) - across * np.sin(duct), along * np.sin(duct) + across * np.cos(duct)
        if kind == "FINE_LINEAR_BRANCHING":
            long, short, turn = rng.uniform(0.6, 1.1), rng.uniform(0.14, 0.22), direction + duct + rng.normal(0, 0.15)
        elif kind == "PLEOMORPHIC":
            short = float(np.clip(rng.lognormal(np.log(0.2), 0.45), 0.1, 0.45))
            long, turn = short * rng.uniform(1.0, 3.0), rng.uniform(0, np.pi)
        else:
            short = typical * rng.uniform(0.9, 1.1)
            long, turn = short * rng.uniform(1.0, 1.1), rng.uniform(0, np.pi)
        specks.append(_Speck(float(x), float(y), float(long), float(short), float(turn)))
    return specks


def _ellipse(finding: Finding, distribution: str, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Places (along the duct, across it, direction) in an ellipse, denser in its middle; a segment is slender."""
    count = int(rng.integers(7, 16) if finding.pathology == "benign" else rng.integers(12, 28))
    slenderness = 0.4 if distribution == "SEGMENTAL" else 0.8
    distance, angle = finding.radius * rng.random(count) ** 0.7, rng.uniform(0, 2 * np.pi, count)
    return [(d * np.cos(a), slenderness * d * np.sin(a), 0.0) for d, a in zip(distance, angle, strict=True)]


def _branches(radius: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Places along a duct that forks into two or three, each part with its direction."""
    fork, bend = rng.uniform(-0.4, 0.1) * radius, rng.normal(0, 0.015)
    trunk = np.arange(radius, fork, -rng.uniform(1.3, 1.9))
    places = [(along, bend * (along - fork) ** 2 + rng.normal(0, 0.25), 2 * bend * (along - fork)) for along in trunk]
    for side in rng.permutation([-1.0, 0.0, 1.0])[: int(rng.integers(2, 4))]:
        direction = side * rng.uniform(0.35, 0.6)
        for step in np.arange(1.0, radius + fork, rng.uniform(1.3, 1.9)):
            turned = direction * (1 + 0.04 * step)
            across = step * np.sin(turned) + rng.normal(0, 0.25)
            places.append((fork - step * np.cos(turned), across, -turned))
    return places


def _turned(
    x: NDArray[np.float32], y: NDArray[np.float32], direction: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates across a direction and along it."""
    cosine, sine = np.float32(np.cos(direction)), np.float32(np.sin(direction))
    return y * cosine - x * sine, x * cosine + y * sine


def _region(specks: NDArray[np.bool_], allowed: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """The specks' convex hull with a margin around it, within `allowed`."""
    hull = cv2.convexHull(np.argwhere(specks)[:, ::-1].astype(np.int32))
    canvas = cv2.fillConvexPoly(np.zeros(specks.shape, dtype=np.uint8), hull, 1)
    side = 2 * max(1, round(_MARGIN / grid.mm_per_px)) + 1
    region = cv2.dilate(canvas, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return filled((region > 0) & allowed | specks)
