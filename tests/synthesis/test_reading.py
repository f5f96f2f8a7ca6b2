"""What a synthetic set tells of its images: the class that was asked for, and what their generator has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.errors import UserError
from mammo_gan.synthesis.layout import write_records
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.synthesis.writing_samples import write_samples
from tests.synthesis.test_sampling import drawn


def written(folder: Path, classes: int = 0, trained_on: SplitName = "train") -> list[Mammogram]:
    patches = drawn(4, classes=classes)
    return write_samples(folder, patches, archive="optimam", generator="0" * 64, trained_on=trained_on, kinds=["mass"])


@pytest.mark.parametrize(("classes", "expected"), [(0, [None] * 4), (2, [0, 1, 0, 1])])
def test_labels_are_the_classes_asked_for(classes: int, expected: list[int | None], tmp_path: Path) -> None:
    written(tmp_path, classes)
    made = SyntheticSet(tmp_path)
    assert [made.label(number) for number in range(len(made))] == expected


def test_a_generator_that_saw_another_split_is_refused(tmp_path: Path) -> None:
    records = written(tmp_path)
    SyntheticSet(tmp_path).require_trained_on("train")
    with pytest.raises(UserError, match=r"the split test alone, found images/000000.png of the split train"):
        SyntheticSet(tmp_path).require_trained_on("test")
    origin = records[2].origin
    assert origin is not None
    for spoiled in (
        replace(records[2], split="val"),
        replace(records[2], origin=replace(origin, trained_on="val")),
        replace(records[2], origin=None),
    ):
        write_records(tmp_path, [*records[:2], spoiled, records[3]])
        with pytest.raises(UserError, match=r"found images/000002.png .* Run the stage synthesize again"):
            SyntheticSet(tmp_path).require_trained_on("train")
