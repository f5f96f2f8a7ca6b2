"""What an OPTIMAM image shows: a radiologist's marks, judged by what biopsy and surgery found (NBSS).

Marks, lesions and episodes are those of the package `omidb` (0.13); nothing here imports it. Its `Episode.status` gives
an interval cancer precedence over malignant over benign opinions of surgery, wide-bore biopsy and fine-needle
aspiration. So do we, but per breast and, where a mark is linked to a lesion, per lesion.
"""

from __future__ import annotations

from typing import Any

from mammo_gan.archives.records import Box, Laterality, Lesion, LesionKind, Pathology

# Opinions of one lesion, as NBSS codes histology of surgery (H), wide-bore biopsy (B) and cytology (C); O is overall.
# B1 and C1 are unsatisfactory as often as normal, B3, B4, C3 and C4 uncertain: they decide nothing.
_MALIGNANT = {"H5", "B5", "C5", "OM"}
_BENIGN = {"H1", "H2", "B2", "C2", "OB"}
_UNCERTAIN = {"B3", "B4", "C3", "C4", "OS", "OU"}

_CALCIFICATIONS = (
    "suspicious_calcifications",
    "calcifications",
    "dystrophic_calcification",
    "milk_of_calcium",
    "other_benign_cluster",
    "plasma_cell_mastitis",
    "suture_calcification",
    "vascular_feature",
)
# A mark of several kinds is of the first of these, as a mass with calcifications is a mass.
_KINDS: tuple[tuple[LesionKind, tuple[str, ...]], ...] = (
    ("mass", ("mass",)),
    ("calcification", _CALCIFICATIONS),
    ("distortion", ("architectural_distortion",)),
    ("asymmetry", ("focal_asymmetry",)),
    ("other", ("fat_necrosis", "benign_skin_feature")),
)
_KINDS_OF_NBSS: dict[str, LesionKind] = {
    "MA": "mass",
    "MC": "mass",
    "CA": "calcification",
    "DS": "distortion",
    "AS": "asymmetry",
}


def marked(marks: list[Any], episode: Any | None, side: Laterality | None) -> tuple[Lesion, ...]:
    """One lesion for each mark of an image. `episode` is None where the study belongs to none."""
    return tuple(_lesion(number, mark, marks, episode, side) for number, mark in enumerate(marks, start=1))


def unmarked(episode: Any | None, side: Laterality | None, marked_elsewhere: bool) -> tuple[Lesion, ...]:
    """What must be taken for granted of an image without marks.

    Not every image was annotated, raw ones hardly ever. Where its breast holds a finding, or nobody knows, a lesion
    of unknown kind and place keeps it from passing for healthy tissue.

    Args:
        marked_elsewhere: another image of this breast and study has marks.
    """
    found: Pathology | None = "unknown" if episode is None else outcome(episode, side)
    if found is None and not marked_elsewhere:
        return ()
    return (Lesion(number=1, kind="other", pathology=found or "unknown", box=None, description="not marked"),)


def outcome(episode: Any, side: Laterality | None) -> Pathology | None:
    """What an episode found in a breast (in either where `side` is None); None for nothing but normal tissue.

    An episode that omidb can't classify (no events, or a biopsy without opinion) is unknown.
    """
    # Assumption: an image is judged by its own episode. A cancer found in a later one may be there, but unseen.
    opinions = {opinion.name for of, opinion in _opinions(episode) if side in (None, of)}
    if "OM" in opinions or (episode.is_interval_cancer and _of_interval(episode, side)):
        return "malignant"
    if opinions & {"OS", "OU"}:
        return "unknown"
    if "OB" in opinions:
        return "benign"
    return "unknown" if episode.status is None else None


def _opinions(episode: Any) -> list[tuple[Laterality, Any]]:
    """(side, opinion) of the procedures that take tissue, which are those that omidb's classification reads."""
    events = episode.events
    taken = [] if events is None else [events.surgery, events.biopsy_wide, events.biopsy_fine]
    sides: list[tuple[Laterality, Any]] = []
    for event in taken:
        if event is not None:
            sides += [("L", event.left_opinion), ("R", event.right_opinion)]
    return [(side, opinion) for side, opinion in sides if opinion is not None]


def _of_interval(episode: Any, side: Laterality | None) -> bool:
    """Whether an interval cancer is in this breast: as its opinions or lesions say, in either where they don't."""
    if episode.has_malignant_opinions:
        return False  # its opinions say where
    sides = {lesion.side.name for lesion in episode.lesions.values() if lesion.interval_cancer is not None}
    return side is None or not sides or side in sides


def _lesion(number: int, mark: Any, marks: list[Any], episode: Any | None, side: Laterality | None) -> Lesion:
    lesions = [] if episode is None else list(episode.lesions.values())
    there = [lesion for lesion in lesions if side in (None, lesion.side.name)]
    linked = [lesion for lesion in there if lesion.id in (mark.lesion_ids or ())]
    alone = len(marks) == 1 and len(there) <= 1
    words = [name for _, names in _KINDS for name in names if getattr(mark, name)]
    words += [each.value for each in (mark.mass_classification, mark.benign_classification) if each is not None]
    return Lesion(
        number=number,
        kind=_kind(mark, linked),
        pathology="unknown" if episode is None else _pathology(linked, episode, side, alone),
        box=_box(mark.boundingBox),
        description=", ".join(words),
    )


def _kind(mark: Any, linked: list[Any]) -> LesionKind:
    for kind, names in _KINDS:
        if any(getattr(mark, name) for name in names):
            return kind
    described = [lesion.description.name for lesion in linked if lesion.description is not None]
    kinds = {_KINDS_OF_NBSS[name] for name in described if name in _KINDS_OF_NBSS}
    if mark.mass_classification is not None and not kinds:
        return "mass"
    return kinds.pop() if len(kinds) == 1 else "other"


def _box(corners: Any) -> Box:
    """Both corners belong to the lesion (alyafi2019_dcgan, 3.3), in columns and rows of the stored image from its top.

    Which corner is named first differs between omidb's description (lower left) and its values, so they are sorted.
    """
    x0, x1 = sorted((int(corners.x1), int(corners.x2)))
    y0, y1 = sorted((int(corners.y1), int(corners.y2)))
    return Box(x0, y0, x1 + 1, y1 + 1)


def _pathology(linked: list[Any], episode: Any, side: Laterality | None, alone: bool) -> Pathology:
    """By the linked lesions; otherwise by the breast's outcome where that can only mean this mark."""
    found = {_of_lesion(lesion, episode) for lesion in linked}
    if "malignant" in found:
        return "malignant"
    if found == {"benign"}:
        return "benign"
    of_breast = outcome(episode, side)
    return of_breast if of_breast is not None and (of_breast == "benign" or alone) else "unknown"


def _of_lesion(lesion: Any, episode: Any) -> Pathology:
    parts = [part for part in (lesion.surgery, lesion.biopsy_wide, lesion.biopsy_fine) if part is not None]
    opinions = {part.opinion.name for part in parts if part.opinion is not None}
    of_interval = lesion.interval_cancer is not None and episode.is_interval_cancer
    # omidb's status is invasive or in situ where surgery or biopsy describe a carcinoma.
    if opinions & _MALIGNANT or lesion.status is not None or of_interval:
        return "malignant"
    return "benign" if opinions & _BENIGN and not opinions & _UNCERTAIN else "unknown"
