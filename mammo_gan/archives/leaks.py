"""Ways in which a test patient could be trained on, and how they are named without naming the patient."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from mammo_gan.archives.identity import patient_key
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import SPLITS
from mammo_gan.errors import UserError

# CBIS-DDSM is a re-issue of DDSM's films under other names of patients, so no comparison of patients shows the leak.
SAME_PATIENTS = (frozenset({"ddsm", "cbis"}),)
OVERRIDE = "allow_ddsm_with_cbis"


@dataclass(frozen=True, slots=True)
class TwoSided:
    """A patient who stands in several splits: their keyed hash, the splits, the number of all their images."""

    patient: str
    splits: tuple[SplitName, ...]
    images: int


def on_two_sides(
    records: Sequence[Mammogram], key: bytes, official: Mapping[str, Collection[SplitName]] | None = None
) -> list[TwoSided]:
    """The patients who stand in more than one split, in the order of their keyed hashes.

    Args:
        key: as from `identity.load_key`.
        official: patient -> splits of the publisher, beside those of the records. A record has room for one split, and
            CBIS-DDSM has films that it trains on (their masses) and tests on (their calcifications).
    """
    seen: dict[tuple[str, str], list[Mammogram]] = {}
    for record in records:
        seen.setdefault((record.archive, record.patient), []).append(record)
    found = []
    for (_, patient), own in seen.items():
        splits = {record.split for record in own} | set((official or {}).get(patient, ()))
        sides = tuple(split for split in SPLITS if split in splits)
        if len(sides) > 1:
            found.append(TwoSided(patient_key(key, own[0]), sides, len(own)))
    return sorted(found, key=lambda patient: patient.patient)


def check_archives(
    training: Iterable[str], test: Iterable[str], allowed: bool = False, override: str = OVERRIDE
) -> list[str]:
    """Keeps two archives of the same patients from standing on the two sides of one study.

    Args:
        training: names of the archives (`Mammogram.archive`) that anything was trained on, a generator included.
        test: names of those on which it is judged.
        allowed: whether the user has allowed it by setting `override` to true.

    Returns:
        A warning for each such pair that was allowed.

    Raises:
        UserError: for the first pair that was not, with the setting that allows it.
    """
    warnings = []
    for trained, judged in product(sorted(set(training)), sorted(set(test))):
        if trained == judged or not any({trained, judged} <= family for family in SAME_PATIENTS):
            continue
        leak = (
            f"trained on archive={trained}, judged on archive={judged}: CBIS-DDSM is a re-issue of DDSM, and what was "
            "trained on has the films of the test in it under other names"
        )
        if not allowed:
            raise UserError(
                f"{leak}. Train and judge on the same archive, or on two that have nothing to do with one another. "
                f"To go on nevertheless, and say so beside the result, set {override}=true"
            )
        warnings.append(leak)
    return warnings


def check_patients(training: Iterable[str], test: Iterable[str], what: str) -> None:
    """No patient is on both sides.

    Args:
        training: keyed hashes of patients (`identity.patient_key`), all made with the same key.
        test: the others'.
        what: what is trained and judged, for the error.

    Raises:
        UserError: with the number of patients and a few of their hashes.
    """
    both = sorted(set(training) & set(test))
    if both:
        more = ", ..." if len(both) > 5 else ""
        raise UserError(
            f"{what}: {len(both)} patients stand in training and test: {', '.join(both[:5])}{more}; expected none. Use "
            "one split (split.seed, split.fractions) for both, or train again"
        )


def shown_hashes(patients: Sequence[TwoSided]) -> str:
    """The patients as a line of an error or a report."""
    return "; ".join(f"{patient.patient} ({' and '.join(patient.splits)})" for patient in patients)
