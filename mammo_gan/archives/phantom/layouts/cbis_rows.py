"""The rows of CBIS-DDSM's four tables, one for each lesion on each film."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mammo_gan.archives.cbis_tables import TABLES
from mammo_gan.archives.phantom.layouts.cbis_film import Drawn, Film
from mammo_gan.archives.phantom.layouts.cbis_oddities import Oddities
from mammo_gan.archives.phantom.layouts.layout import TableRow
from mammo_gan.archives.records import Density

_DENSITY_NUMBER: Mapping[Density, str] = MappingProxyType({"A": "1", "B": "2", "C": "3", "D": "4"})
_UNKNOWN_DENSITY = "0"
_DENSITY = {"Calc": "breast density", "Mass": "breast_density"}
_DESCRIBED = {"Calc": ("calc type", "calc distribution"), "Mass": ("mass shape", "mass margins")}
_WHERE = ("image file path", "cropped image file path", "ROI mask file path")


def _columns(kind: str) -> tuple[str, ...]:
    who = ("patient_id", _DENSITY[kind], "left or right breast", "image view", "abnormality id", "abnormality type")
    return (*who, *_DESCRIBED[kind], "assessment", "pathology", "subtlety", *_WHERE)


COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {table: _columns(collection[:4]) for collection, table in TABLES.items()}
)
"""By file name. Density alone is spelled in two ways."""


def table_row(film: Film, lesion: Drawn, odd: Oddities) -> TableRow:
    """What the tables say of a lesion on a film."""
    kind, finding = lesion.collection[:4], lesion.finding
    first, second = (finding.lesion_type.split()[at] for at in (2, 4))  # "MASS SHAPE OVAL MARGINS CIRCUMSCRIBED"
    # By far the most lesions that were not called back for are those of assessment 2.
    not_called_back = finding.pathology == "benign" and finding.assessment == 2
    cells = {
        "patient_id": film.patient_name,
        _DENSITY[kind]: _UNKNOWN_DENSITY if odd.no_density else _DENSITY_NUMBER[film.patient.density],
        "left or right breast": film.side,
        "image view": film.view,
        "abnormality id": str(lesion.number),
        "abnormality type": finding.kind,
        **dict(zip(_DESCRIBED[kind], (first, second), strict=True)),
        "assessment": str(finding.assessment),
        "pathology": "BENIGN_WITHOUT_CALLBACK" if not_called_back else finding.pathology.upper(),
        "subtlety": str(finding.subtlety),
        **_paths(film, lesion, odd.series_apart),
    }
    return TableRow(TABLES[lesion.collection], cells)


def _paths(film: Film, lesion: Drawn, series_apart: bool) -> dict[str, str]:
    """Folders of before the files' last move, and a line break behind the one that comes second in its series."""
    whole = film.folder(lesion.collection)
    folder = f"{whole}_{lesion.number}"
    place, other = (f"{film.uid(folder, part, 'was')}/{film.uid(folder, part, 'series was')}" for part in _WHERE[:2])
    of_film = f"{whole}/{film.uid(whole, 'was')}/{film.uid(whole, 'series was')}/000000.dcm"
    behind = "000000.dcm" if series_apart else "000001.dcm"
    if lesion.collection.startswith("Calc"):
        crop, mask = f"{folder}/{other if series_apart else place}/{behind}\n", f"{folder}/{place}/000000.dcm"
    else:
        crop, mask = f"{folder}/{other if series_apart else place}/000000.dcm", f"{folder}/{place}/{behind}\n"
    return dict(zip(_WHERE, (of_film, crop, mask), strict=True))
