"""What every preparation begins with: images in one order, their splits, and the notes of one that was killed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data import journal, plan
from mammo_gan.data.journal import Journal


class Begun(NamedTuple):
    """`splits` are those of `records`, one each. Both folders are absolute: other machines work in their own."""

    records: list[Mammogram]
    splits: list[SplitName]
    folder: Path
    root: Path
    notes: Journal


def begin(
    records: Sequence[Mammogram],
    splits: Mapping[str, SplitName],
    folder: Path,
    root: Path,
    recipe: object,
    identity_key: bytes,
    required_splits: Collection[SplitName],
) -> Begun:
    """Order the images, and go on with the notes in `folder` if they are of the same images, splits and recipe.

    Args:
        splits: patient -> split.
        recipe: a dataclass of all settings that the result depends on.

    Raises:
        UserError: a required split has no image.
    """
    ordered = sorted(records, key=lambda record: (record.archive, record.image))
    split_of = [splits[record.patient] for record in ordered]
    plan.check_splits(ordered, split_of, required_splits)
    notes = Journal(folder.absolute() / journal.FOLDER)
    notes.goes_on(journal.digest([recipe, identity_key, *zip(ordered, split_of, strict=True)]))
    return Begun(ordered, split_of, folder.absolute(), root.absolute(), notes)
