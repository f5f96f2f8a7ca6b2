"""What a mammogram can lend, against a loop over every position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mammo_gan.archives.records import Mammogram, Pathology
from mammo_gan.data import lenders as lending
from mammo_gan.data.lenders import Lender, lenders
from mammo_gan.data.resized import Area, Resized
from tests.data.drawn import mammogram

HEIGHT, WIDTH, SIZE = 40, 34, 14
Box = tuple[int, int, int, int]


def record(*pathologies: Pathology) -> Mammogram:
    return mammogram(1, "CC", *pathologies)


def area(box: Box, *, outlined: bool = True) -> Area:
    """A lesion with its corners cut."""
    mask = np.ones((box[3] - box[1], box[2] - box[0]), dtype=bool)
    mask[0, 0] = mask[-1, -1] = False
    return Area(box, mask, outlined)


def resized(*areas: Area | None) -> Resized:
    breast = np.zeros((HEIGHT, WIDTH), dtype=bool)
    breast[:, :28] = True
    return Resized(np.zeros((HEIGHT, WIDTH), dtype=np.uint8), breast, areas, 1.0)


def by_content(found: Sequence[Lender]) -> dict[str, np.ndarray]:
    return {lender.content: lender.allowed for lender in found}


def test_every_position_and_no_other() -> None:
    boxes = [(6, 8, 11, 13), (14, 17, 18, 22)]
    image = resized(*map(area, boxes))
    found, skipped = lenders(record("malignant", "benign"), image, SIZE, 0.75)
    assert skipped == {}
    assert [(lender.content, lender.lesion) for lender in found] == [
        ("malignant", 0),
        ("benign", 1),
        ("lesion-free", None),
    ]
    drawn = [one.drawn((HEIGHT, WIDTH)) for one in image.areas if one is not None]
    for y, x in np.ndindex(HEIGHT - SIZE + 1, WIDTH - SIZE + 1):
        window = np.s_[y : y + SIZE, x : x + SIZE]
        breast = image.breast[window].mean() > 0.75
        holds = [
            x < x0 and y < y0 and x + SIZE > x1 and y + SIZE > y1 for x0, y0, x1, y1 in boxes
        ]  # with a rim of one pixel
        touches = [lesion[window].any() for lesion in drawn]
        allowed = {content: map_[y, x] for content, map_ in by_content(found).items()}
        assert allowed == {
            "malignant": breast and holds[0] and not touches[1],
            "benign": breast and holds[1] and not touches[0],
            "lesion-free": breast and not touches[0] and not touches[1],
        }


def test_capacity_is_the_number_of_positions() -> None:
    found, _ = lenders(record(), resized(), SIZE, 0.75)
    # Columns 0 to 17 hold more than 10.5 of 14 columns of breast.
    assert [lender.capacity for lender in found] == [(HEIGHT - SIZE + 1) * 18]


def test_lesions_of_one_pathology_may_share_a_patch() -> None:
    close = [area((6, 8, 9, 11)), area((10, 12, 13, 15))]
    together, _ = lenders(record("malignant", "malignant"), resized(*close), SIZE, 0.75)
    assert [lender.content for lender in together] == ["malignant", "malignant", "lesion-free"]
    apart, skipped = lenders(
        record("malignant", "benign"), resized(area((6, 8, 12, 14)), area((8, 10, 11, 13))), SIZE, 0.75
    )
    assert [lender.content for lender in apart] == ["lesion-free"]
    assert skipped == {lending.NO_POSITION: 2}


@pytest.mark.parametrize(
    ("pathology", "where", "reason"),
    [
        ("unknown", area((6, 8, 11, 13)), lending.UNKNOWN),
        ("benign", area((6, 8, 11, 13), outlined=False), lending.NO_OUTLINE),
        ("benign", None, lending.NO_OUTLINE),
        ("malignant", area((6, 8, 19, 12)), lending.TOO_LARGE),
        ("malignant", area((0, 8, 5, 12)), lending.NO_POSITION),
        ("malignant", area((26, 8, 33, 12)), lending.BESIDE_BREAST),
    ],
)
def test_a_lesion_that_lends_nothing_says_why(pathology: Pathology, where: Area | None, reason: str) -> None:
    found, skipped = lenders(record(pathology), resized(where), SIZE, 0.75)
    assert skipped == {reason: 1}
    assert "malignant" not in by_content(found)
    assert "benign" not in by_content(found)
    if where is None:
        assert not found  # nobody knows which of its tissue is healthy
    else:
        x0, y0 = where.box[:2]
        y, x = max(0, y0 - 3), max(0, x0 - 3)
        assert by_content(found)["lesion-free"].any()
        assert not by_content(found)["lesion-free"][y : y + 4, x : min(x + 4, WIDTH - SIZE)].any()


def test_the_largest_lesion_that_fits_has_one_position() -> None:
    found, _ = lenders(record("malignant"), resized(area((5, 6, 5 + SIZE - 2, 6 + SIZE - 2))), SIZE, 0.75)
    assert np.argwhere(by_content(found)["malignant"]).tolist() == [[5, 4]]


def test_an_image_smaller_than_a_patch_lends_nothing() -> None:
    found, skipped = lenders(record("malignant"), resized(area((6, 8, 11, 13))), HEIGHT + 1, 0.75)
    assert found == []
    assert skipped == {lending.NO_POSITION: 1}
