"""Which patches are learnt from and judged by: nested, of no patient of another split, the GAN's own."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_gan.archives.records import LesionKind, Pathology, SplitName
from mammo_gan.data.classes import Classes, Labelled
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesions import LesionData
from mammo_gan.errors import UserError
from tests.data.lesion_store import Patch, write

SIZES = (2, 5, 9)
MASSES = Classes(positive="lesion", kinds=["mass"], negatives_per_positive=2)
MALIGNANCY = Classes(positive="malignant", kinds=["mass"], negatives_per_positive=1)


@st.composite
def stores(draw: st.DrawFn) -> list[Patch]:
    """Patients of all splits with masses, calcifications and normal tissue, in any order."""
    patches: list[Patch] = []
    for patient in range(draw(st.integers(3, 14))):
        split: SplitName = draw(st.sampled_from(get_args(SplitName)))
        for _ in range(draw(st.integers(0, 6))):
            kind: LesionKind | None = draw(st.sampled_from(["mass", "mass", "calcification", None, None, None]))
            pathology: Pathology = draw(st.sampled_from(get_args(Pathology)))
            patches.append((f"p{patient}", split, kind, pathology))
    return draw(st.permutations(patches))


def learnt(store: ImageStore, classes: Classes, k: int) -> Labelled | None:
    try:
        return classes.learnt(store, k, SIZES)
    except UserError:
        return None


def of_class(labelled: Labelled, label: int) -> set[int]:
    return set(labelled.indices[labelled.labels == label].tolist())


@settings(max_examples=30, deadline=None)
@given(stores(), st.sampled_from([MASSES, MALIGNANCY]))
def test_sets_are_nested_and_of_the_training_split_alone(patches: list[Patch], classes: Classes) -> None:
    if not patches:
        return
    with TemporaryDirectory() as folder:
        store = write(Path(folder), patches)
        found = {k: labelled for k in SIZES if (labelled := learnt(store, classes, k)) is not None}
        for k, labelled in found.items():
            assert len(of_class(labelled, 1)) == k
            assert len(of_class(labelled, 0)) == k * classes.negatives_per_positive
            assert {patches[index][1] for index in labelled.indices} == {"train"}
            assert list(labelled.indices) == sorted(set(labelled.indices.tolist()))
            gan = LesionData(
                store, 1, 3, kinds=["mass"], patches=k, sizes=SIZES, per_class=classes is MALIGNANCY
            ).training_indices.tolist()
            real = of_class(labelled, 1) | (of_class(labelled, 0) if classes is MALIGNANCY else set())
            assert set(gan) == real
        for smaller, larger in pairwise(found.values()):
            assert all(of_class(smaller, label) <= of_class(larger, label) for label in (0, 1))


@settings(max_examples=25, deadline=None)
@given(stores())
def test_classes_hold_what_they_say(patches: list[Patch]) -> None:
    with TemporaryDirectory() as folder:
        store = write(Path(folder), patches) if patches else None
        for split in get_args(SplitName) if store is not None else ():
            assert store is not None
            known = [i for i, patch in enumerate(patches) if patch[1:3] == (split, "mass")]
            normal = [i for i, patch in enumerate(patches) if patch[1:3] == (split, None)]
            if not known:
                with pytest.raises(UserError, match=f"of the split {split} shows a lesion of kind mass"):
                    MASSES.judged(store, split)
                continue
            labelled = MASSES.judged(store, split)
            assert of_class(labelled, 1) == set(known)
            assert of_class(labelled, 0) <= set(normal)
            assert len(of_class(labelled, 0)) == min(2 * len(known), len(normal))
            told = {
                label: {i for i in known if patches[i][3] == pathology}
                for label, pathology in ((0, "benign"), (1, "malignant"))
            }
            if told[0] | told[1]:
                labelled = MALIGNANCY.judged(store, split)
                assert {label: of_class(labelled, label) for label in (0, 1)} == told


def many(normal: int = 40) -> list[Patch]:
    lesions: list[Patch] = [(f"p{number // 2}", "train", "mass", "benign") for number in range(12)]
    tissue: list[Patch] = [(f"p{number % 9}", "train", None, "unknown") for number in range(normal)]
    return [*lesions, *tissue]


def test_other_patches_move_no_normal_tissue(tmp_path: Path) -> None:
    store = write(tmp_path / "few", many())
    chosen = of_class(MASSES.learnt(store, 4, SIZES), 0)
    others: list[Patch] = [("q", "val", None, "unknown")] * 50
    more = write(tmp_path / "more", [*many(), *others])
    assert of_class(MASSES.learnt(more, 4, SIZES), 0) == chosen
    assert of_class(MASSES.learnt(write(tmp_path / "another", many(), seed=4), 4, SIZES), 0) != chosen
    assert of_class(MASSES.learnt(store, 2, SIZES), 0) < chosen < of_class(MASSES.learnt(store, 8, SIZES), 0)


def test_each_patch_of_normal_tissue_is_as_likely_as_the_others(tmp_path: Path) -> None:
    stores = (write(tmp_path / str(seed), many(), seed=seed) for seed in range(200))
    taken = Counter(i for store in stores for i in of_class(MASSES.learnt(store, 4, SIZES), 0))
    assert set(taken) == set(range(12, 52))
    assert all(15 < count < 70 for count in taken.values())  # 40 expected, standard deviation 5.7


def test_too_few_are_said_with_the_number_that_is_there(tmp_path: Path) -> None:
    store = write(tmp_path, many(normal=9))
    with pytest.raises(UserError, match=r"k=14: out of reach: .* give 12 of the 12"):
        MASSES.learnt(store, 14, SIZES)
    with pytest.raises(UserError, match=r"k=6: out of reach: 6 lesions need 12 .*holds 9, enough for k=4"):
        MASSES.learnt(store, 6, SIZES)
    assert len(MASSES.learnt(store, 4, SIZES)) == 12
    with pytest.raises(UserError, match=r"k=2: out of reach for malignant lesions: .* give 0 of the 0"):
        MALIGNANCY.learnt(store, 2, SIZES)
    with pytest.raises(UserError, match="12 lesions need 24"):  # k=null, the whole split
        MASSES.learnt(store, None, SIZES)


@pytest.mark.parametrize(("positive", "negatives"), [("lesion", 0), ("malignant", 10), ("mass", 1)])
def test_impossible_classes_are_refused(positive: str, negatives: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Classes(positive=positive, kinds=None, negatives_per_positive=negatives)  # type: ignore[arg-type]
