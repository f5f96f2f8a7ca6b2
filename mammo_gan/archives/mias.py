"""mini-MIAS: Info.txt and 322 films as 1024 x 1024 PGM files.

J. Suckling et al., "The Mammographic Image Analysis Society Digital Mammogram Database", Excerpta Medica 1069, 1994.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.paths import inside, listing, read_text
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, LesionKind, Mammogram, Pathology
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_header, read_image
from mammo_gan.imaging.outlines import disk_mask

_INFO = "info.txt"
_FILM = re.compile(r"mdb(\d{3})\.pgm", re.IGNORECASE | re.ASCII)
_ROW = re.compile(
    r"mdb(?P<film>\d{3})\s+(?P<tissue>[FGD])\s+"
    r"(?:NORM|(?P<kind>CALC|CIRC|SPIC|MISC|ARCH|ASYM)\s+(?P<severity>[BM])"
    r"(?:\s+(?P<x>\d{1,4})\s+(?P<y>\d{1,4})\s+(?P<radius>\d{1,4})|\s*\*NOTE \d\*)?)\s*",
    re.ASCII,
)
_KINDS: Mapping[str, LesionKind] = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}
_PATHOLOGIES: Mapping[str, Pathology] = {"B": "benign", "M": "malignant"}
_SIDE, _MM_PER_PX = 1024, 0.2  # of a film as published


@dataclass(frozen=True, slots=True)
class Row:
    """One line of Info.txt. `kind` is None for a normal film; `circle` is (x, y, radius) with y from the bottom."""

    film: str
    tissue: str
    kind: str | None
    severity: str | None
    circle: tuple[int, int, int] | None


def parse_row(line: str) -> Row:
    """A line that begins with a film's name. Raises UserError where it isn't one that MIAS writes."""
    match = _ROW.fullmatch(line)
    if match is None:
        raise UserError(f"expected FILM TISSUE CLASS [SEVERITY [X Y RADIUS]], found {line.strip()[:80]!r}")
    circle = None if match["x"] is None else (int(match["x"]), int(match["y"]), int(match["radius"]))
    if circle is not None and circle[2] == 0:
        raise UserError(f"expected a circle of some size, found {line.strip()[:80]!r}")
    return Row(match["film"], match["tissue"], match["kind"], match["severity"], circle)


def parse_info(text: str) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """Info.txt -> the rows of each film, and of films with a row that can't be read what is wrong with it."""
    rows: dict[str, list[Row]] = {}
    faulty: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        film = re.match(r"mdb(\d{3})", line, re.ASCII)
        if film is None:
            continue  # the text around the table
        try:
            row = parse_row(line)
            _check_agreement(row, rows.setdefault(film[1], []))
            rows[film[1]].append(row)
        except UserError as error:
            faulty[film[1]] = f"line {number}: {error}"
    return rows, faulty


def _check_agreement(row: Row, before: list[Row]) -> None:
    """Of a film with several lesions each has a row, and all of them say the same of the film."""
    if row in before:
        raise UserError("expected one row a lesion, found the same one twice")
    if any(row.tissue != other.tissue or None in (row.kind, other.kind) for other in before):
        raise UserError("expected one tissue for all rows of a film and NORM alone, found another story of the film")


class MIAS(Reader):
    """The mini-MIAS database. A listed film that is not in the folder is absent, not faulty.

    Films come in pairs of one patient. Tissue F, G or D (fatty, fatty-glandular, dense-glandular) is no BI-RADS
    density, so `density` stays None.
    """

    name: ClassVar[str] = "mias"
    root_variable: ClassVar[str] = "MIAS_ROOT"
    layout: ClassVar[str] = "Info.txt and mdb001.pgm to mdb322.pgm, in one folder or several."
    source_of_data: ClassVar[str] = "mini-MIAS can be had for research from http://peipa.essex.ac.uk/info/mias.html."

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        found = listing(root)
        yield from found.faults
        films = [file for file in found.files if _FILM.fullmatch(PurePosixPath(file).name)]
        if not films:
            return
        yield from found.in_place_of(_FILM)
        rows, faulty = parse_info(read_text(_info(self, root, found.files)))
        for file in films:
            film = PurePosixPath(file).name[3:6]
            if film in faulty or film not in rows:
                about = faulty.get(film, "no row of this film")
                yield Fault(file, "no usable row in Info.txt", "a row of this film", about, "unpack Info.txt again")
                continue
            try:
                header = read_header(inside(root, file))
            except UserError as error:
                expected = f"a PGM film of {_SIDE} x {_SIDE} px"
                yield Fault(file, "unreadable image", expected, told(error, root), "unpack it again")
                continue
            yield _mammogram(file, rows[film], header.height, header.width, header.bits)

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return read_image(inside(root, mammogram.image))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        rows, _ = parse_info(read_text(_info(self, root, listing(root).files)))
        circles = [row.circle for row in rows.get(PurePosixPath(mammogram.image).name[3:6], ())]
        circle = circles[lesion.number - 1] if lesion.number <= len(circles) else None
        if circle is None:
            raise UserError(
                f"{mammogram.image}: expected a circle of lesion {lesion.number}, found none; index it again"
            )
        # Assumption: a lesion is all of its circle. MIAS draws no outlines.
        x, y, radius = circle
        return disk_mask(x, mammogram.height - y, radius, mammogram.height, mammogram.width)


def _info(reader: Reader, root: Path, files: tuple[str, ...]) -> Path:
    """Info.txt, the one nearest to the root."""
    found = [file for file in files if PurePosixPath(file).name.lower() == _INFO]
    if not found:
        raise reader.no_archive(f"{root} has films but no Info.txt")
    return inside(root, min(found, key=lambda file: (file.count("/"), file)))


def _mammogram(file: str, rows: list[Row], height: int, width: int, bits: int) -> Mammogram | Fault:
    circles = [row.circle for row in rows if row.circle is not None]
    outside = [circle for circle in circles if not (circle[0] < width and 0 <= height - circle[1] < height)]
    if outside:
        expected, found = f"a circle within {height} x {width} px", f"x, y and radius {outside[0]}"
        return Fault(file, "lesion outside its film", expected, found, "unpack film and Info.txt again")
    film = int(rows[0].film)
    pair = film + film % 2  # the even one of the pair
    return Mammogram(
        archive=MIAS.name,
        source="disk",
        image=file,
        patient=f"mdb{pair - 1:03d}-{pair:03d}",
        height=height,
        width=width,
        bits=bits,
        view="MLO",
        # Deviation: Info.txt calls even films left. The lead letters on the films themselves (mirror-written, as all
        # films are stored mirrored) and the file names of the full MIAS (mdb001lm, mdb002rl) call odd films left.
        laterality="L" if film % 2 else "R",
        tissue=rows[0].tissue,
        mm_per_px=_MM_PER_PX if (height, width) == (_SIDE, _SIDE) else None,  # what was resized has another
        lesions=tuple(_lesion(number, row, height, width) for number, row in enumerate(rows, start=1) if row.kind),
    )


def _lesion(number: int, row: Row, height: int, width: int) -> Lesion:
    """The lesion of the film's row `number`; four of MIAS are scattered and have neither circle nor box."""
    kind, severity = row.kind or "", row.severity or ""
    box = None
    if row.circle is not None:
        x, y, radius = row.circle[0], height - row.circle[1], row.circle[2]
        x0, y0, x1, y1 = max(0, x - radius), max(0, y - radius), min(width, x + radius + 1), min(height, y + radius + 1)
        box = Box(x0, y0, x1, y1)
    return Lesion(
        number=number,
        kind=_KINDS[kind],
        pathology=_PATHOLOGIES[severity],
        box=box,
        description=kind,
        has_mask=box is not None,
    )
