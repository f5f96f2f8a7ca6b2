"""CBIS-DDSM's four tables of cases, one row for each abnormality on each film.

R. S. Lee et al., "A curated mammography data set for use in computer-aided detection and diagnosis research",
Scientific Data 4:170177, 2017. Facts on the tables were counted in the four that are published: 3568 rows, each with a
line break at the end of a path, on 3032 films of 1566 patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from mammo_gan.archives.overlay import Abnormality
from mammo_gan.archives.paths import read_text
from mammo_gan.archives.records import Density, LesionKind, Pathology, View
from mammo_gan.archives.table import Row, parse_table
from mammo_gan.errors import UserError

Collection = Literal["Calc-Training", "Calc-Test", "Mass-Training", "Mass-Test"]
TABLES: Mapping[Collection, str] = {
    "Calc-Training": "calc_case_description_train_set.csv",
    "Calc-Test": "calc_case_description_test_set.csv",
    "Mass-Training": "mass_case_description_train_set.csv",
    "Mass-Test": "mass_case_description_test_set.csv",
}
_FILM, _CROP, _MASK = "image file path", "cropped image file path", "roi mask file path"
_REQUIRED = (
    *("patient_id", "left or right breast", "image view", "abnormality id", "abnormality type", "assessment"),
    *("pathology", _FILM, _CROP, _MASK),
)
# The tables of calcifications write the density's name with a space, those of masses with an underscore.
_OPTIONAL = (
    *("breast density", "breast_density", "mass shape", "mass margins", "calc type", "calc distribution", "subtlety"),
)
_DENSITIES: Mapping[str, Density] = {"1": "A", "2": "B", "3": "C", "4": "D"}  # two rows say 0, which is none
_PATHOLOGIES: Mapping[str, Pathology] = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
}
_SIDES = ("LEFT", "RIGHT")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: an abnormality as one film shows it."""

    collection: Collection
    patient: str
    side: str  # LEFT or RIGHT
    view: View
    number: int  # counts from 1 on each film, apart for masses and calcifications
    density: Density | None
    pathology: Pathology
    assessment: int | None  # BI-RADS, 0 to 5
    description: str  # in the words of DDSM's overlays

    @property
    def film(self) -> tuple[str, str, View]:
        """The film, whichever collections hold a copy of it."""
        return self.patient, self.side, self.view

    @property
    def film_folder(self) -> str:
        """The folder of the whole film, `Mass-Training_P_00001_LEFT_CC`."""
        return f"{self.collection}_{self.patient}_{self.side}_{self.view}"

    @property
    def lesion_folder(self) -> str:
        """The folder of the lesion's mask and of a crop, `Mass-Training_P_00001_LEFT_CC_1`."""
        return f"{self.film_folder}_{self.number}"

    @property
    def kind(self) -> LesionKind:
        """By DDSM's rule: distortions and asymmetries stand among the masses, as their shape."""
        return Abnormality(self.number, [self.description]).kind


def read_findings(path: Path, collection: Collection) -> list[Finding]:
    """All rows of one table.

    A table with one unusable row is refused as a whole: its film would lose a lesion and keep it as healthy tissue.

    Raises:
        UserError: no such file, another kind of table, or a row that isn't as CBIS-DDSM writes them.
    """
    try:
        rows, faulty = parse_table(read_text(path), _REQUIRED, _OPTIONAL)
        for number, found in faulty.items():
            raise UserError(f"row {number}: expected a row of CBIS-DDSM, found {found}")
        return [_finding(row, collection) for row in rows]
    except UserError as error:
        raise UserError(f"{path}: {error}; download the table again") from error


def _finding(row: Row, collection: Collection) -> Finding:
    assessment = row["assessment"]
    finding = Finding(
        collection=collection,
        patient=row["patient_id"],
        side=_one_of(row, "left or right breast", _SIDES),
        view=cast(View, _one_of(row, "image view", get_args(View))),
        number=_whole(row, "abnormality id"),
        density=_DENSITIES.get(row["breast density"] or row["breast_density"]),
        pathology=_PATHOLOGIES[_one_of(row, "pathology", tuple(_PATHOLOGIES))],
        assessment=_whole(row, "assessment") if assessment else None,
        description=_description(row),
    )
    expected = (finding.film_folder, finding.lesion_folder, finding.lesion_folder)
    found = tuple(row[column].partition("/")[0] for column in (_FILM, _CROP, _MASK))
    if found != expected:
        raise UserError(f"row {row.number}: expected the folders {', '.join(expected)}, found {', '.join(found)}")
    return finding


def _description(row: Row) -> str:
    if _one_of(row, "abnormality type", ("mass", "calcification")) == "mass":
        return f"MASS SHAPE {row['mass shape']} MARGINS {row['mass margins']}"
    return f"CALCIFICATION TYPE {row['calc type']} DISTRIBUTION {row['calc distribution']}"


def _one_of(row: Row, column: str, choices: tuple[str, ...]) -> str:
    choice = row.choice_in(column, choices)
    if choice is None:
        raise UserError(f"row {row.number}: expected one of {', '.join(choices)} in column {column}, found nothing")
    return choice


def _whole(row: Row, column: str) -> int:
    if not (row[column].isascii() and row[column].isdigit()):
        raise UserError(f"row {row.number}: expected a whole number in column {column}, found {row[column][:40]!r}")
    return int(row[column])
