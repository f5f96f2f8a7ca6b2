"""A case's files as DDSM lays them out: .ics, and .LJPEG and .OVERLAY for each film.

Format: http://www.eng.usf.edu/cvprg/Mammography/DDSM/case_description.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from mammo_gan.archives.phantom.layouts.layout import FILMS, SIDES, Layout, Settings, TableRow
from mammo_gan.archives.phantom.lesions import Finding
from mammo_gan.archives.phantom.mammogram import draw_film
from mammo_gan.archives.phantom.patient import Outcome, Patient
from mammo_gan.archives.records import Density
from mammo_gan.imaging.ljpeg import write_ljpeg
from mammo_gan.imaging.optical_density import BITS, Scanner, to_digits
from mammo_gan.imaging.outlines import mask_to_chain

_VOLUMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType(
    {"normal": ("normals", "normal"), "benign": ("benigns", "benign"), "malignant": ("cancers", "cancer")}
)
_CASES_PER_VOLUME = 100
# The letter of a case's files tells where it was digitised.
_DIGITIZERS: Mapping[Scanner, tuple[str, str]] = MappingProxyType(
    {
        "dba": ("A", "DBA M2100 ImageClear"),
        "howtek-mgh": ("A", "HOWTEK 960"),
        "lumisys": ("B", "LUMISYS LASER"),
        "howtek-ismd": ("D", "HOWTEK MultiRad850"),
    }
)
_DENSITY_NUMBER: Mapping[Density, int] = MappingProxyType({"A": 1, "B": 2, "C": 3, "D": 4})


class DDSMLayout(Layout):
    """DDSM: a folder for each case, with the four films of a patient as her scanner digitised them."""

    name: ClassVar[str] = "DDSM"

    def write_patient(self, root: Path, patient: Patient, settings: Settings) -> Sequence[TableRow]:
        number = patient.number
        folder, volume = _VOLUMES[patient.outcome]
        case = root / "cases" / folder / f"{volume}_{1 + (number - 1) // _CASES_PER_VOLUME:02d}" / f"case{number:04d}"
        case.mkdir(parents=True)
        letter, _ = _DIGITIZERS[settings.scanner]
        bits = BITS[settings.scanner]
        for laterality, view in FILMS:
            film = draw_film(patient, laterality, view, settings.grid, settings.seed)
            stem = f"{letter}_{number:04d}_1.{SIDES[laterality]}_{view}"
            write_ljpeg(case / f"{stem}.LJPEG", to_digits(film.intensity, settings.scanner, bits), bits)
            if patient.finding is not None and film.lesion is not None:
                overlay = _overlay(patient.finding, *mask_to_chain(film.lesion))
                (case / f"{stem}.OVERLAY").write_text(overlay, encoding="ascii")
        (case / f"{letter}-{number:04d}-1.ics").write_text(_ics(patient, settings), encoding="ascii")
        return ()


def _ics(patient: Patient, settings: Settings) -> str:
    letter, digitizer = _DIGITIZERS[settings.scanner]
    grid = settings.grid
    lines = [
        "ics_version 1.0",
        f"filename {letter}-{patient.number:04d}-1",
        "DATE_OF_STUDY 1 1 2000",
        f"PATIENT_AGE {patient.age}",
        "FILM ",
        "FILM_TYPE REGULAR",
        f"DENSITY {_DENSITY_NUMBER[patient.density]}",
        "DATE_DIGITIZED 1 1 2000",
        f"DIGITIZER {digitizer}",
        "SEQUENCE",
    ]
    for laterality, view in FILMS:
        overlay = "OVERLAY" if laterality == patient.affected else "NON_OVERLAY"
        lines.append(
            f"{SIDES[laterality]}_{view} LINES {grid.height} PIXELS_PER_LINE {grid.width} "
            f"BITS_PER_PIXEL {BITS[settings.scanner]} RESOLUTION {1000 * grid.mm_per_px:.10g} {overlay}"
        )
    return "\n".join(lines) + "\n"


def _overlay(finding: Finding, column: int, row: int, codes: list[int]) -> str:
    lines = [
        "TOTAL_ABNORMALITIES 1",
        "ABNORMALITY 1",
        f"LESION_TYPE {finding.lesion_type}",
        f"ASSESSMENT {finding.assessment}",
        f"SUBTLETY {finding.subtlety}",
        f"PATHOLOGY {finding.pathology.upper()}",
        "TOTAL_OUTLINES 1",
        "BOUNDARY",
        " ".join(map(str, (column, row, *codes, "#"))),
    ]
    return "\n".join(lines) + "\n"
