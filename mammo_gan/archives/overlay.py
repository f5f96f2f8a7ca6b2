"""DDSM's .OVERLAY files: what the radiologist marked on one film.

Format: http://www.eng.usf.edu/cvprg/Mammography/DDSM/case_description.html. An abnormality has one outline called
BOUNDARY and may have others called CORE within it. What is there is read; TOTAL_OUTLINES is wrong in two of the
archive's own files and isn't looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.records import Box, LesionKind, Pathology
from mammo_gan.errors import UserError
from mammo_gan.imaging.outlines import chain_to_polygon

_PATHOLOGIES: Mapping[str, Pathology] = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
    "UNPROVEN": "unknown",
}
_ASYMMETRIES = frozenset({"ASYMMETRIC_BREAST_TISSUE", "FOCAL_ASYMMETRIC_DENSITY"})
_REACH = 0.1  # a boundary may leave the film by this share of its longer side, and is cut off there


@dataclass(slots=True)
class Abnormality:
    """One finding. `number` is the file's; outlines are (N, 2) int64 xy in px, one boundary at least."""

    number: int
    types: list[str] = field(default_factory=list)  # "MASS SHAPE IRREGULAR MARGINS SPICULATED"; two are possible
    assessment: int | None = None  # BI-RADS, 0 to 5
    pathology: Pathology | None = None
    boundaries: list[NDArray[np.int64]] = field(default_factory=list)
    cores: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def description(self) -> str:
        return "; ".join(self.types)

    @property
    def kind(self) -> LesionKind:
        """What the first LESION_TYPE says."""
        # Assumption: where a finding has two types (calcifications within a mass, say), the first one names it.
        words = self.types[0].split() if self.types else []
        if words[:1] == ["CALCIFICATION"]:
            return "calcification"
        if words[:1] != ["MASS"]:
            return "other"
        shapes = set(words[words.index("SHAPE") + 1].split("-")) if "SHAPE" in words[:-1] else set()
        # DDSM enters distortion and asymmetry as shapes of masses; IRREGULAR-ARCHITECTURAL_DISTORTION stays a mass.
        if shapes == {"ARCHITECTURAL_DISTORTION"}:
            return "distortion"
        return "asymmetry" if shapes and shapes <= _ASYMMETRIES else "mass"

    def box(self, height: int, width: int) -> Box:
        """The boundary's extent within the film.

        Raises:
            UserError: the boundary lies outside the film, or leaves it by far.
        """
        points = np.concatenate(self.boundaries)
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, width), min(bottom + 1, height)
        outside = max(-left, -top, right + 1 - width, bottom + 1 - height)
        if x0 >= x1 or y0 >= y1 or outside > _REACH * max(height, width):
            raise UserError(
                f"expected the outline of abnormality {self.number} within a film of {height} x {width} px, found it "
                f"in rows {top} to {bottom} and columns {left} to {right}"
            )
        return Box(x0, y0, x1, y1)


def parse_overlay(text: str) -> tuple[Abnormality, ...]:
    """All abnormalities of an overlay's text.

    Raises:
        UserError: says the line, what was expected and what was found, without the file's path.
    """
    abnormalities: list[Abnormality] = []
    announced = 0
    for number, key, value in _statements(text):
        if key == "TOTAL_ABNORMALITIES":
            announced = _whole(value, key, number)
        elif key == "ABNORMALITY":
            abnormalities.append(Abnormality(_whole(value, key, number)))
        elif key == "BOUNDARY":
            _current(abnormalities, key, number).boundaries.append(_polygon(value, number))
        elif key == "CORE":
            _current(abnormalities, key, number).cores.append(_polygon(value, number))
        elif key in ("LESION_TYPE", "ASSESSMENT", "PATHOLOGY"):
            _note(_current(abnormalities, key, number), key, value, number)
    _check_whole(abnormalities, announced)
    return tuple(abnormalities)


def _statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, key and value of each statement. The value of an outline is its chain without the # at its end."""
    outline: tuple[int, str] | None = None
    chain: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.replace("#", " # ").split()
        if not words:
            continue
        if outline is None and words[0] in ("BOUNDARY", "CORE"):
            outline = number, words[0]
        elif outline is None:
            yield number, words[0], " ".join(words[1:])
        elif not words[0].isdecimal() and words[0] != "#":
            raise UserError(f"line {number}: expected a chain code ending with #, found {line.strip()[:40]!r}")
        else:
            chain += words  # a long chain may be broken into several lines
            if words[-1] == "#":
                yield *outline, " ".join(chain[:-1])
                outline, chain = None, []
    if outline is not None:
        raise UserError(f"expected # at the end of {outline[1]}, found the end of the file: it is truncated")


def _current(abnormalities: list[Abnormality], key: str, number: int) -> Abnormality:
    if not abnormalities:
        raise UserError(f"line {number}: expected ABNORMALITY 1 first, found {key[:40]}")
    return abnormalities[-1]


def _note(abnormality: Abnormality, key: str, value: str, number: int) -> None:
    """Keeps one line of an abnormality's description."""
    if key == "LESION_TYPE":
        abnormality.types.append(value.upper())
    elif key == "ASSESSMENT":
        abnormality.assessment = int(value) if value in set("012345") else None
    elif value.upper() in _PATHOLOGIES:
        abnormality.pathology = _PATHOLOGIES[value.upper()]
    else:
        raise UserError(f"line {number}: expected PATHOLOGY {', '.join(_PATHOLOGIES)}, found {value[:40]!r}")


def _check_whole(abnormalities: list[Abnormality], announced: int) -> None:
    """A file that was cut off between two lines lacks findings, and its film would pass for healthier than it is."""
    numbers = [abnormality.number for abnormality in abnormalities]
    if not numbers or len(numbers) < announced or len(set(numbers)) < len(numbers):
        raise UserError(f"expected {max(announced, 1)} abnormalities of different numbers, found numbers {numbers}")
    for abnormality in abnormalities:
        if abnormality.pathology is None or not abnormality.boundaries:
            lacking = "PATHOLOGY" if abnormality.pathology is None else "BOUNDARY"
            raise UserError(f"expected a {lacking} of abnormality {abnormality.number}, found none")


def _polygon(chain: str, number: int) -> NDArray[np.int64]:
    """COLUMN ROW CODE CODE ... -> the outline's pixels."""
    words = chain.split()
    if len(words) < 2 or not all(word.isdecimal() and word.isascii() and len(word) < 7 for word in words):
        raise UserError(f"line {number}: expected an outline as COLUMN ROW and codes, found {chain[:40]!r}")
    column, row, *codes = (int(word) for word in words)
    if max(codes, default=0) > 7:
        raise UserError(f"line {number}: expected chain codes 0 to 7, found {max(codes)}")
    return chain_to_polygon(column, row, codes)


def _whole(value: str, key: str, number: int) -> int:
    if not (value.isdecimal() and value.isascii() and len(value) < 7):
        raise UserError(f"line {number}: expected {key} and a number, found {value[:40]!r}")
    return int(value)
