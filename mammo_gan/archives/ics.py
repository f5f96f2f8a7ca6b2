"""DDSM's .ics files: what is known of a case and which films it has.

Format: http://www.eng.usf.edu/cvprg/Mammography/DDSM/case_description.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

from mammo_gan.archives.records import Density, Laterality, View
from mammo_gan.errors import UserError
from mammo_gan.imaging.optical_density import Scanner

_NAME = re.compile(r"([A-D])[-_](\d{4})[-_](\d)", re.IGNORECASE)
_FILM = re.compile(r"(LEFT|RIGHT)_(CC|MLO)\b(.*)", re.IGNORECASE)
_VIEWS: Mapping[str, View] = {"CC": "CC", "MLO": "MLO"}
_SIDES: Mapping[str, Laterality] = {"LEFT": "L", "RIGHT": "R"}
_LONGEST_SIDE = 20_000  # px; films of 24 x 30 cm at 42 um have 7,100


@dataclass(frozen=True, slots=True)
class Film:
    """One film of a case, as its line in the .ics file says."""

    name: str  # A_1141_1.LEFT_CC: its files are called so, with .LJPEG and .OVERLAY behind
    view: View
    laterality: Laterality
    height: int
    width: int
    um_per_px: float | None
    overlay: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's examination. Zeros in the file mean unknown and are None here."""

    name: str  # A-1141-1
    age: int | None
    density: Density | None
    scanner: Scanner
    films: tuple[Film, ...]


def parse_ics(text: str, stem: str) -> Case:
    """Reads an .ics file's text; `stem` is the file's name without .ics, whose letter tells where it was digitised.

    Raises:
        UserError: says what was expected and what was found, without the file's path.
    """
    name = _NAME.fullmatch(stem)
    if name is None:
        raise UserError(f"expected a file name such as A-1141-1.ics, found {stem}.ics")
    letter, number, exam = name[1].upper(), name[2], name[3]
    fields: dict[str, str] = {}
    films: dict[str, Film] = {}
    for line in text.splitlines():
        film_line = _FILM.match(line.strip())
        if film_line is None:
            key, _, value = line.strip().partition(" ")
            fields.setdefault(key.upper(), value.strip())
            continue
        label = f"{film_line[1]}_{film_line[2]}".upper()
        if label in films:
            raise UserError(f"expected one line {label}, found two")
        film = _film(f"{letter}_{number}_{exam}.{label}", film_line[3])
        if film is not None:
            films[label] = film
    if not films:
        raise UserError("expected lines such as LEFT_CC LINES 4696 PIXELS_PER_LINE 3024, found none")
    return Case(
        name=f"{letter}-{number}-{exam}",
        age=_age(fields.get("PATIENT_AGE", "")),
        density=_density(fields.get("DENSITY", "")),
        scanner=_scanner(letter, fields.get("DIGITIZER", "")),
        films=tuple(films.values()),
    )


def _film(name: str, line: str) -> Film | None:
    """One film from the rest of its line; None where it has no size, which the DDSM software takes for no film."""
    words = line.upper().split()
    values = dict(pairwise(words))
    height, width = _whole(values.get("LINES", "")), _whole(values.get("PIXELS_PER_LINE", ""))
    if values.get("LINES") == "0" or values.get("PIXELS_PER_LINE") == "0":
        return None
    if height is None or width is None or max(height, width) > _LONGEST_SIDE:
        raise UserError(f"expected LINES and PIXELS_PER_LINE of {name}, found {line.strip()[:80]!r}")
    try:
        um_per_px = float(values.get("RESOLUTION", "0"))
    except ValueError:
        um_per_px = 0.0
    side, view = name.rsplit(".", 1)[1].split("_")
    return Film(
        name=name,
        view=_VIEWS[view],
        laterality=_SIDES[side],
        height=height,
        width=width,
        um_per_px=um_per_px if 1 <= um_per_px <= 1000 else None,
        overlay="OVERLAY" in words,
    )


def _whole(word: str) -> int | None:
    """A positive whole number of at most six digits, or None."""
    return int(word) or None if re.fullmatch(r"[0-9]{1,6}", word) else None


def _age(value: str) -> int | None:
    years = _whole(value)
    return years if years is not None and years <= 120 else None


def _density(value: str) -> Density | None:
    """DDSM's 1 to 4 are the ACR's classes, called A to D since BI-RADS 5."""
    number = _whole(value)
    grades: tuple[Density, ...] = get_args(Density)
    return grades[number - 1] if number is not None and number <= len(grades) else None


def _scanner(letter: str, digitizer: str) -> Scanner:
    """Which calibration holds: A = Massachusetts General Hospital, B and C = Lumisys, D = ISMD."""
    maker = digitizer.upper().split(" ")[0]
    scanners: Mapping[tuple[str, str], Scanner] = {
        ("A", "DBA"): "dba",
        ("A", "HOWTEK"): "howtek-mgh",
        ("B", "LUMISYS"): "lumisys",
        ("C", "LUMISYS"): "lumisys",
        ("D", "HOWTEK"): "howtek-ismd",
    }
    makers = [known for case, known in scanners if case == letter]
    if maker == "" and len(makers) == 1:
        maker = makers[0]
    if (letter, maker) not in scanners:
        raise UserError(
            f"expected DIGITIZER {' or '.join(makers)} in a case of series {letter}, found {digitizer[:40]!r}; "
            "its grey levels can't be calibrated"
        )
    return scanners[letter, maker]
