from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_gan.archives.records import Box
from mammo_gan.synthesis.annotation import Annotated, AnnotatedLesion, annotating
from tests.synthesis.annotated import SHAPE, annotated


def mask_of(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": np.zeros((4, 4), np.float32), "lesions": ()},
        {"image": np.zeros((1, 4, 4), np.uint8), "lesions": ()},
        {"image": np.zeros((0, 4), np.uint8), "lesions": ()},
        {"parent": "A_1234_1.LEFT_CC"},
        {"parent": "0123456789ABCDEF"},
        {"generator": "last.ckpt"},
        {"view": "ML"},
        {"laterality": "LEFT"},
        {"mm_per_px": 0.0},
        {"mm_per_px": float("nan")},
        {"lesions": (AnnotatedLesion("mass", Box(-1, 0, 4, 4)),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, SHAPE[1] + 1, 4)),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, 4, SHAPE[0] + 1)),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, 4, 4), np.zeros(SHAPE, bool)),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, 4, 4), mask_of(slice(0, 4), slice(0, 5))),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, 4, 4), mask_of(slice(0, 4), slice(0, 4))[:, :-1]),)},
        {"lesions": (AnnotatedLesion("mass", Box(0, 0, 4, 4), mask_of(slice(0, 4), slice(0, 4)).astype(np.uint8)),)},
    ],
)
def test_what_is_no_annotated_mammogram_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|got|is named by|mask"):
        annotated(**wrong)


def test_what_is_refused_as_a_parent_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="key") as error:
        annotated(parent="DOE^JANE")
    assert "DOE" not in str(error.value)


def test_a_box_and_a_mask_may_reach_every_border() -> None:
    whole = AnnotatedLesion("mass", Box(0, 0, SHAPE[1], SHAPE[0]), np.ones(SHAPE, bool))
    assert annotated(lesions=(whole,)).lesions == (whole,)


class Noting:
    """Notes what it is told."""

    def __init__(self, noted: list[str], name: str) -> None:
        self.noted, self.name = noted, name

    def begin(self, folder: Path) -> None:
        self.noted.append(f"{self.name} begins {folder}")

    def add(self, image: str, annotated: Annotated) -> None:
        self.noted.append(f"{self.name} adds {image}")

    def finish(self) -> None:
        self.noted.append(f"{self.name} finishes")


def test_all_writers_see_each_image_before_the_next_one_is_made() -> None:
    noted: list[str] = []

    def made() -> Iterator[tuple[str, Annotated]]:
        for name in ("0", "1"):
            noted.append(f"makes {name}")
            yield name, annotated()

    passed = [name for name, _ in annotating(made(), Path("set"), [Noting(noted, "a"), Noting(noted, "b")])]
    assert passed == ["0", "1"]
    assert noted == [
        *("a begins set", "b begins set"),
        *("makes 0", "a adds 0", "b adds 0"),
        *("makes 1", "a adds 1", "b adds 1"),
        *("a finishes", "b finishes"),
    ]
