"""CBIS-DDSM's four tables of cases, one row for each abnormality on each film.

R. S. Lee et al., "A curated mammography data set for use in computer-aided detection and diagnosis research",
Scientific Data 4:170177, 2017. Facts on the tables were counted in the four that are published: 3568 rows, each with a
line break at the end of a path, on 3032 films of 1566 patients.
"""

from __future__ import annotations

import re
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
_PATIENT = re.compile(r"P_\d+", re.ASCII)
_FOLDER = re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(?P<film>(?P<patient>P_\d+)_(?:LEFT|RIGHT)_(?:CC|MLO))(?:_\d+)?")


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
    mask_last: bool | None  # whether the mask's file is named behind the crop's; None where both have one name

    @property
    def film(self) -> str:
        """The film, whichever collections hold a copy of it, `P_00001_LEFT_CC`."""
        return f"{self.patient}_{self.side}_{self.view}"

    @property
    def film_folder(self) -> str:
        """The folder of the whole film, `Mass-Training_P_00001_LEFT_CC`."""
        return f"{self.collection}_{self.film}"

    @property
    def lesion_folder(self) -> str:
        """The folder of the lesion's mask and of a crop, `Mass-Training_P_00001_LEFT_CC_1`."""
        return f"{self.film_folder}_{self.number}"

    @property
    def kind(self) -> LesionKind:
        """By DDSM's rule: distortions and asymmetries stand among the masses, as their shape."""
        return Abnormality(self.number, [self.description]).kind


@dataclass(frozen=True, slots=True)
class Misread:
    """A row that isn't as CBIS-DDSM writes them, and a film of which it tells."""

    collection: Collection
    patient: str
    film: str
    number: int
    found: str


def read_findings(path: Path, collection: Collection) -> tuple[list[Finding], list[Misread]]:
    """All rows of one table, those that can be used and the others.

    A film with an unusable row has to be left out: without that lesion it would keep it as healthy tissue. A row that
    doesn't even tell of which film it is could be of any, so that its table is refused as a whole.

    Raises:
        UserError: no such file, another kind of table, or a row that tells of no film.
    """
    findings: dict[str, tuple[Row, Finding]] = {}
    misread: list[Misread] = []
    try:
        rows, faulty = parse_table(read_text(path), _REQUIRED, _OPTIONAL)
        for number, found in faulty.items():
            raise UserError(f"row {number}: expected a row of CBIS-DDSM, found {found}")
        for row in rows:
            try:
                finding = _finding(row, collection)
                first, _ = findings.setdefault(finding.lesion_folder, (row, finding))
                if first is not row:
                    raise UserError(f"row {row.number}: expected one row a lesion, found that of row {first.number}")
            except UserError as error:
                misread += _misread(row, collection, error)
    except UserError as error:
        raise UserError(f"{path}: {error}; download the table again") from error
    return [finding for _, finding in findings.values()], misread


def _misread(row: Row, collection: Collection, error: UserError) -> list[Misread]:
    """The films that a row can be of: that of its cells and that of its paths, which may differ.

    Raises:
        UserError: there is none.
    """
    films: dict[str, str] = {}
    patient, side, view = row["patient_id"], row["left or right breast"].upper(), row["image view"].upper()
    if _PATIENT.fullmatch(patient) and side in _SIDES and view in get_args(View):
        films[f"{patient}_{side}_{view}"] = patient
    for column in (_FILM, _CROP, _MASK):
        match = _FOLDER.fullmatch(row[column].partition("/")[0])
        if match is not None:
            films[match["film"]] = match["patient"]
    if not films:
        raise error
    return [Misread(collection, patient, film, row.number, str(error)) for film, patient in films.items()]


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
        mask_last=_is_last(row[_MASK], row[_CROP]),
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


def _is_last(mask: str, crop: str) -> bool | None:
    names = mask.rpartition("/")[2], crop.rpartition("/")[2]
    return None if names[0] == names[1] else names[0] > names[1]


def _one_of(row: Row, column: str, choices: tuple[str, ...]) -> str:
    choice = row.choice_in(column, choices)
    if choice is None:
        raise UserError(f"row {row.number}: expected one of {', '.join(choices)} in column {column}, found nothing")
    return choice


def _whole(row: Row, column: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", row[column]):
        raise UserError(f"row {row.number}: expected a whole number in column {column}, found {row[column][:40]!r}")
    return int(row[column])
