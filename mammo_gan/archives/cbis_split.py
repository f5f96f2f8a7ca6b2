"""CBIS-DDSM's own training and test sets, which are no split by patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mammo_gan.archives.cbis_tables import TABLES, Collection, Finding, Misread
from mammo_gan.archives.records import SplitName


@dataclass(frozen=True, slots=True)
class OfficialSplit:
    """The publisher's training and test sets, made for each lesion type apart.

    They are no split by patients: 31 train on one side with their masses and test on the other with their
    calcifications, or the other way round.
    """

    patients: Mapping[Collection, frozenset[str]]

    @property
    def sides(self) -> dict[str, frozenset[SplitName]]:
        """Patient -> train, test or both."""
        sides: dict[str, set[SplitName]] = {}
        for collection, members in self.patients.items():
            for patient in members:
                sides.setdefault(patient, set()).add("train" if collection.endswith("-Training") else "test")
        return {patient: frozenset(own) for patient, own in sides.items()}

    @property
    def on_both_sides(self) -> tuple[str, ...]:
        """The patients of a training set who are in a test set too, sorted."""
        train = self.patients["Mass-Training"] | self.patients["Calc-Training"]
        test = self.patients["Mass-Test"] | self.patients["Calc-Test"]
        return tuple(sorted(train & test))


def official_split(rows: Iterable[Finding | Misread]) -> OfficialSplit:
    """Who is in which of the four sets."""
    patients: dict[Collection, set[str]] = {collection: set() for collection in TABLES}
    for row in rows:
        patients[row.collection].add(row.patient)
    return OfficialSplit({collection: frozenset(members) for collection, members in patients.items()})
