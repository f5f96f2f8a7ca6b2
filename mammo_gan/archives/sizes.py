"""Nested training sets of given sizes, P_100 within P_250 and so on, each made of whole patients.

alyafi2019_dcgan, 4.6: "each set is contained in the next larger one".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mammo_gan.archives.records import LesionKind, Mammogram, Pathology
from mammo_gan.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Whole patients that hold `found` lesions (or patches) where `asked` were asked for, of `available` in all."""

    asked: int
    found: int
    available: int
    patients: tuple[str, ...]

    @property
    def is_full(self) -> bool:
        """Whether it holds as many as were asked for."""
        return self.found == self.asked

    def require(self, setting: str, what: str = "") -> None:
        """Stops where the number that was asked for is out of reach: a smaller set is never filled up.

        Args:
            setting: that asks for it.
            what: the set is of, where it is one of several.

        Raises:
            UserError: with the number that is there.
        """
        if not self.is_full:
            raise UserError(
                f"{setting}={self.asked}: out of reach{what and ' for ' + what}: whole patients of the training set "
                f"give {self.found} of the {self.available} that it holds. Take {setting}={self.found} or a smaller "
                "one, or add patients"
            )


def nested(counts: Mapping[str, int], sizes: Iterable[int], place: Callable[[str], float]) -> dict[int, TrainingSet]:
    """Size -> the training set of that size, each within the next larger one.

    Patients come in the order of their places. One who would exceed a size is passed over and looked at again for the
    next, so that a size is missed only if no patient fits the rest. All jobs of a sweep must ask for the same `sizes`.

    Args:
        counts: patient -> lesions (or patches), patients of the training set alone; 0 is left out.
        place: of a patient; drawn at random, and not changed by other patients.

    Raises:
        UserError: no size, or one below 1.
    """
    wanted = sorted(set(sizes))
    if not wanted or wanted[0] < 1:
        raise UserError(f"training sizes: expected numbers of 1 or more, found {wanted or 'none'}")
    waiting = [patient for patient in counts if counts[patient] > 0]
    waiting.sort(key=lambda patient: (place(patient), patient))
    available = sum(counts[patient] for patient in waiting)
    chosen: list[str] = []
    found = 0
    sets: dict[int, TrainingSet] = {}
    for size in wanted:
        passed_over = []
        for patient in waiting:
            if found + counts[patient] <= size:
                chosen.append(patient)
                found += counts[patient]
            else:
                passed_over.append(patient)
        waiting = passed_over
        sets[size] = TrainingSet(asked=size, found=found, available=available, patients=tuple(chosen))
    return sets


def lesions_per_patient(
    records: Sequence[Mammogram], kinds: Collection[LesionKind], pathologies: Collection[Pathology] | None = None
) -> dict[str, int]:
    """Patient -> number of lesions of these kinds (and pathologies, if given) that have a place; 0 for who has none.

    A lesion seen in two views is two: each gives a patch. Where patches have been cut, count those instead, as
    some lesions give none.
    """
    counts: dict[str, int] = {}
    for record in records:
        usable = sum(
            lesion.kind in kinds
            and (pathologies is None or lesion.pathology in pathologies)
            and (lesion.has_mask or lesion.box is not None)
            for lesion in record.lesions
        )
        counts[record.patient] = counts.get(record.patient, 0) + usable
    return counts
