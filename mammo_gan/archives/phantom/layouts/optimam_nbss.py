"""What NBSS, the screening service's system, knows of a client of OPTIMAM: one episode, by its codes.

Codes as the package `omidb` reads them. A woman is screened; a lesion is biopsied two weeks later, or, as an interval
cancer, found after a year without another screening.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mammo_gan.archives.phantom.layouts.optimam_oddities import Oddities
from mammo_gan.archives.phantom.lesions import FindingKind, FindingPathology
from mammo_gan.archives.phantom.patient import Patient

EPISODE = "500001"
LESION = "1"  # lesions are counted for each breast
SCREENED, _BIOPSIED, _CAME_BACK = "2000-01-01", "2000-01-15", "2001-01-01"
_DESCRIPTION: Mapping[FindingKind, str] = MappingProxyType({"mass": "MA", "calcification": "CA"})
_OPINIONS: Mapping[FindingPathology, tuple[str, str]] = MappingProxyType(
    {"benign": ("OB", "B2"), "malignant": ("OM", "B5")}
)


def nbss(client: str, patient: Patient, odd: Oddities) -> dict[str, Any]:
    """The content of a client's NBSS file."""
    screened = {side: {"DateTaken": SCREENED, "Opinion": "RN"} for side in ("L", "R")}
    episode: dict[str, Any] = {"EpisodeType": "R", "EpisodeOpenedDate": SCREENED, "EpisodeIsClosed": "Y"}
    episode |= {"EpisodeAction": "RR", "SCREENING": screened}
    finding, side = patient.finding, patient.affected
    if finding is not None and side is not None:
        episode["LESION"] = {side: {LESION: {"LesionDescription": _DESCRIPTION[finding.kind]}}}
        if is_interval_cancer(patient, odd):
            episode |= {"EpisodeType": "CI", "IntervalCancerDateOfDiagnosis": _CAME_BACK}
            episode["INTERVALCANCER"] = {side: {LESION: {"DatePerformed": _CAME_BACK}}}
        else:
            of_side, of_lesion = _OPINIONS[finding.pathology]
            screened[side]["Opinion"] = "RM" if finding.pathology == "malignant" else "RB"
            opinion = {"L": "left_opinion", "R": "right_opinion"}[side]
            biopsied = {LESION: {"DatePerformed": _BIOPSIED, "Opinion": of_lesion}}
            episode |= {"EpisodeAction": "WB", "BIOPSYWIDE": {opinion: of_side, side: biopsied}}
    return {"ClientID": client, EPISODE: episode}


def is_interval_cancer(patient: Patient, odd: Oddities) -> bool:
    """Of the cancers, those of some clients."""
    return odd.interval_cancer and patient.outcome == "malignant"
