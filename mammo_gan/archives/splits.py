"""Training, validation and test sets by patient, by a hash that moves nobody when patients are added."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import get_args

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.errors import UserError

SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def place_of(patient: str, seed: int, purpose: str = "") -> float:
    """Where in [0, 1) a patient's hash falls, uniform over patients.

    Args:
        purpose: another one gives a place of its own: what decides over folds must not decide within them too.
    """
    salt = f"{seed}:{purpose}:" if purpose else f"{seed}:"
    digest = hashlib.sha256(f"{salt}{patient}".encode()).digest()
    # The top 53 bits, all that a float holds: with more, the largest hashes would round to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def split_of(patient: str, fractions: Mapping[str, float], seed: int) -> SplitName:
    """The split of one patient, a function of nothing but its arguments.

    Args:
        fractions: split -> share of the patients, summing to 1; a split that isn't named gets none. Their order in
            the mapping doesn't count.

    Raises:
        UserError: the fractions don't sum to 1, one is negative, or a name isn't a split's.
    """
    check_fractions(fractions)
    return split_at(place_of(patient, seed), fractions)


def split_at(place: float, fractions: Mapping[str, float]) -> SplitName:
    """The split that a place in [0, 1) falls into: train first, then val, then test."""
    bound = 0.0
    for split in SPLITS:
        bound += fractions.get(split, 0.0)
        if place < bound:
            return split
    return next(split for split in reversed(SPLITS) if fractions.get(split, 0.0) > 0)  # the sum was a hair below 1


def assign(records: Iterable[Mammogram], fractions: Mapping[str, float], seed: int) -> dict[str, SplitName]:
    """Patient -> split for every patient of `records`; what the archive itself has fixed is kept.

    Raises:
        UserError: bad fractions, or an archive that puts one patient on two sides.
    """
    check_fractions(fractions)
    fixed: dict[str, SplitName] = {}
    patients: dict[str, None] = {}
    for record in records:
        patients[record.patient] = None
        if record.split is not None and fixed.setdefault(record.patient, record.split) != record.split:
            raise UserError(
                f"{record.archive}: images of one patient stand in two splits, {fixed[record.patient]} and "
                f"{record.split} (the latter is {record.image}); expected one split per patient. "
                "Mend the archive's table, or leave its split column out to have patients split by hash"
            )
    return {patient: fixed.get(patient) or split_of(patient, fractions, seed) for patient in sorted(patients)}


def split_hash(assignment: Mapping[str, SplitName]) -> str:
    """16 hex digits that name an assignment: equal for equal splits of equal patients."""
    lines = "\n".join(f"{patient}\t{split}" for patient, split in sorted(assignment.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def check_fractions(fractions: Mapping[str, float]) -> None:
    """Shares of splits, none negative, that sum to 1.

    Raises:
        UserError: otherwise.
    """
    unknown = sorted(set(fractions) - set(SPLITS))
    if unknown:
        raise UserError(f"split.fractions: expected shares of {', '.join(SPLITS)}, found {', '.join(unknown)}")
    total = math.fsum(fractions.values())
    if min(fractions.values(), default=0.0) < 0 or not math.isclose(total, 1.0, abs_tol=1e-9):
        shares = ", ".join(f"{name} {share:g}" for name, share in fractions.items())
        raise UserError(f"split.fractions: expected shares of at least 0 that sum to 1, found {shares} (sum {total:g})")
