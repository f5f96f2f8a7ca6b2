"""How many patches each lesion and each healthy breast gives, so that splits and classes come out as asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import SPLITS
from mammo_gan.data import shares
from mammo_gan.data.lenders import CONTENTS, Content
from mammo_gan.errors import UserError


@dataclass(frozen=True, slots=True)
class Offer:
    """A lender's content and its number of different positions, without the map of them."""

    content: Content
    positions: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What one mammogram can lend, and its lesions that lend nothing, by reason."""

    offers: tuple[Offer, ...]
    skipped: Mapping[str, int]

    def positions(self, content: Content) -> int:
        """The different patches of one content."""
        return sum(offer.positions for offer in self.offers if offer.content == content)

    def as_json(self) -> dict[str, Any]:
        """Lists, numbers and strings; `survey_of` gives an equal one back."""
        return {"offers": [[offer.content, offer.positions] for offer in self.offers], "skipped": dict(self.skipped)}


def survey_of(noted: dict[str, Any] | None) -> Survey | None:
    """A survey from what its `as_json` gave; None from None."""
    if noted is None:
        return None
    return Survey(tuple(Offer(content, positions) for content, positions in noted["offers"]), noted["skipped"])


@dataclass(frozen=True, slots=True)
class Quota:
    """Patches of one content in one split: asked for by the recipe, given by the images, and their positions."""

    split: SplitName
    content: Content
    asked: int
    given: int
    positions: int


def quotas(
    splits: Sequence[SplitName], surveys: Sequence[Survey], patches_per_class: int, benign_share: float
) -> list[Quota]:
    """One quota for each split and content.

    The splits share a class in proportion to their images. Where benign lesions are too few for their share of the
    non-malignant class, lesion-free tissue makes up for it, and the reverse; a position is used again only where
    a class as a whole has too few.

    Args:
        splits, surveys: of each image.
    """
    totals = shares.proportional(patches_per_class, [splits.count(split) for split in SPLITS])
    found = []
    for split, total in zip(SPLITS, totals, strict=True):
        positions = {
            content: sum(survey.positions(content) for survey, own in zip(surveys, splits, strict=True) if own == split)
            for content in CONTENTS
        }
        benign = round(total * benign_share)
        asked: dict[Content, int] = {"malignant": total, "benign": benign, "lesion-free": total - benign}
        given = {
            "malignant": total if positions["malignant"] else 0,
            **_non_malignant(asked["benign"], asked["lesion-free"], positions["benign"], positions["lesion-free"]),
        }
        found += [Quota(split, content, asked[content], given[content], positions[content]) for content in CONTENTS]
    return found


def _non_malignant(benign: int, free: int, benign_positions: int, free_positions: int) -> dict[str, int]:
    total = benign + free
    given_benign = min(benign, benign_positions)
    given_free = min(total - given_benign, free_positions)
    given_benign = min(total - given_free, benign_positions)
    again = total - given_benign - given_free  # at positions that are used already
    if free_positions:
        given_free += again
    elif benign_positions:
        given_benign += again
    return {"benign": given_benign, "lesion-free": given_free}


def share_out(
    splits: Sequence[SplitName], surveys: Sequence[Survey], wanted: Sequence[Quota], seed: int
) -> list[list[int]]:
    """For each image the number of patches that each of its offers gives: evenly over images, then over lesions."""
    given = [[0] * len(survey.offers) for survey in surveys]
    for number, quota in enumerate(wanted):
        rng = np.random.default_rng([seed, number])
        images = [image for image, split in enumerate(splits) if split == quota.split]
        by_image = shares.even(quota.given, [surveys[image].positions(quota.content) for image in images], rng)
        for image, share in zip(images, by_image.tolist(), strict=True):
            if share:
                offers = surveys[image].offers
                ours = [index for index, offer in enumerate(offers) if offer.content == quota.content]
                by_offer = shares.even(share, [offers[index].positions for index in ours], rng)
                for index, patches in zip(ours, by_offer.tolist(), strict=True):
                    given[image][index] = patches
    return given


def check_splits(records: Sequence[Mammogram], splits: Sequence[SplitName], required: Collection[SplitName]) -> None:
    """Every required split has an image.

    Raises:
        UserError: with the number of patients in each split.
    """
    patients = {
        split: len({record.patient for record, own in zip(records, splits, strict=True) if own == split})
        for split in SPLITS
    }
    for split in required:
        if not patients[split]:
            counts = ", ".join(f"{name} {count}" for name, count in patients.items())
            raise UserError(
                f"split: {split} came out empty: expected at least one patient there, found {counts} of "
                f"{sum(patients.values())} patients. Patients fall into a split by hash, so a few may miss a small "
                "one: use more patients, larger split.fractions for it, or another split.seed"
            )


def check_classes(wanted: Sequence[Quota], patients: int, required: Collection[SplitName]) -> None:
    """Every required split has patches of both classes.

    Raises:
        UserError: with the class that is missing.
    """
    for split in required:
        given = {quota.content: quota.given for quota in wanted if quota.split == split}
        for label, missing in (
            ("malignant", not given["malignant"]),
            ("non-malignant", not given["benign"] + given["lesion-free"]),
        ):
            if missing:
                raise UserError(
                    f"split: {split} has no {label} patch: none of its images ({patients} patients in all splits) "
                    f"shows a place for one. Use more patients or another split.seed, or check that patches "
                    "(data.size) are smaller than the breast and larger than the lesions"
                )
