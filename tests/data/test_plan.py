"""Quotas and their sharing out."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_gan.archives.records import SplitName
from mammo_gan.data.plan import Offer, Quota, Survey, check_classes, check_splits, quotas, share_out
from mammo_gan.errors import UserError
from tests.data.drawn import archive


def survey(malignant: tuple[int, ...] = (), benign: tuple[int, ...] = (), free: int = 0) -> Survey:
    offers = [Offer("malignant", positions) for positions in malignant]
    offers += [Offer("benign", positions) for positions in benign]
    offers += [Offer("lesion-free", free)] if free else []
    return Survey(tuple(offers), {})


def given_by_content(found: list[Quota], split: SplitName) -> dict[str, int]:
    return {quota.content: quota.given for quota in found if quota.split == split}


def test_splits_share_in_proportion_to_their_images() -> None:
    splits: list[SplitName] = ["val", "test"]
    splits += ["train"] * 8
    found = quotas(splits, [survey((900,), (900,), 900)] * 10, 1000, 0.25)
    assert given_by_content(found, "train") == {"malignant": 800, "benign": 200, "lesion-free": 600}
    assert given_by_content(found, "val") == {"malignant": 100, "benign": 25, "lesion-free": 75}
    assert given_by_content(found, "test") == {"malignant": 100, "benign": 25, "lesion-free": 75}


@pytest.mark.parametrize(
    ("benign", "free", "given"),
    [
        (30, 900, (30, 70)),  # lesion-free tissue makes up for benign lesions
        (900, 20, (80, 20)),  # and the reverse
        (0, 900, (0, 100)),
        (900, 0, (100, 0)),
        (30, 40, (30, 70)),  # both too few: positions repeat
        (30, 0, (100, 0)),
        (0, 0, (0, 0)),
    ],
)
def test_the_non_malignant_class_is_made_whole(benign: int, free: int, given: tuple[int, int]) -> None:
    found = quotas(["train"], [survey((5,), (benign,) if benign else (), free)], 100, 0.5)
    assert given_by_content(found, "train") == {"malignant": 100, "benign": given[0], "lesion-free": given[1]}
    assert {quota.content: quota.asked for quota in found[:3]} == {"malignant": 100, "benign": 50, "lesion-free": 50}


def test_images_share_evenly_and_then_their_lesions() -> None:
    surveys = [survey((90, 90)), survey((90,)), survey((4,)), survey(free=900), survey((90,))]
    splits: list[SplitName] = ["train", "train", "train", "train", "val"]
    wanted = [Quota("train", "malignant", 44, 44, 274), Quota("train", "lesion-free", 9, 9, 900)]
    shared = share_out(splits, surveys, wanted, seed=1)
    assert [sum(part) for part in shared] == [20, 20, 4, 9, 0]
    assert shared[0] == [10, 10]


def test_shares_follow_from_the_seed() -> None:
    surveys = [survey((9,))] * 20
    splits: list[SplitName] = ["train"] * 20
    wanted = [Quota("train", "malignant", 7, 7, 180)]
    shared = [share_out(splits, surveys, wanted, seed) for seed in (1, 1, 2)]
    assert shared[0] == shared[1] != shared[2]


def test_nothing_is_lost() -> None:
    rng = np.random.default_rng(0)
    splits: list[SplitName] = ["train", "val", "test"] * 10
    surveys = [
        survey(tuple(rng.integers(1, 9, k % 3)), tuple(rng.integers(1, 9, k % 2)), int(k) * 7) for k in range(30)
    ]
    wanted = quotas(splits, surveys, 333, 0.5)
    shared = share_out(splits, surveys, wanted, 3)
    for quota in wanted:
        total = sum(
            count
            for split, image, part in zip(splits, surveys, shared, strict=True)
            for offer, count in zip(image.offers, part, strict=True)
            if split == quota.split and offer.content == quota.content
        )
        assert total == quota.given


def test_an_empty_split_says_how_many_patients_there_are() -> None:
    records = archive(4)
    check_splits(records, ["train"] * 8, ["train"])
    with pytest.raises(UserError, match=r"val came out empty.*train 4, val 0, test 0 of 4 patients"):
        check_splits(records, ["train"] * 8, ["train", "val"])


@pytest.mark.parametrize(("image", "missing"), [(survey((9,)), "non-malignant"), (survey((), (9,), 9), "malignant")])
def test_a_missing_class(image: Survey, missing: str) -> None:
    wanted = quotas(["train", "val"], [survey((9,), free=9), image], 10, 0.5)
    check_classes(wanted, 2, ["train"])
    with pytest.raises(UserError, match=f"val has no {missing} patch"):
        check_classes(wanted, 2, ["train", "val"])
