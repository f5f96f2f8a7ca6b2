"""What OPTIMAM's marks and episodes say of an image's lesions: where they are, against a picture, and what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Box, Lesion, Pathology
from tests.archives.optimam_miniature import HEIGHT, WIDTH, Image, episode, mark, scanned, write_client

pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")


def lesions(root: Path, nbss: dict[str, Any], *images: Image) -> list[tuple[Lesion, ...]]:
    """The lesions of one client's images."""
    paths = write_client(root, "demd1", nbss, images)
    records, faults = scanned(root)
    assert not faults
    return [records[path].lesions for path in paths]


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("flipped", ["NO", "YES"])
@pytest.mark.parametrize("swap", ["", "x", "y", "xy"])
def test_a_box_covers_the_lesion_in_the_picture(tmp_path: Path, side: str, flipped: str, swap: str) -> None:
    """A bright rectangle is drawn at known pixels, both ends included, far from any symmetry of the picture."""
    pixels = np.full((HEIGHT, WIDTH), 300, np.uint16)
    left, top, right, bottom = 7, 60, 18, 64
    pixels[top : bottom + 1, left : right + 1] = 4000
    if side == "R":
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        left, right = WIDTH - 1 - right, WIDTH - 1 - left
    x1, x2 = (right, left) if "x" in swap else (left, right)
    y1, y2 = (bottom, top) if "y" in swap else (top, bottom)
    image = Image(
        name="1.2.3.1",
        side=side,
        marks=[mark(x1, y1, x2, y2, Mass=1)],
        pixels=pixels,
        header={"FieldOfViewHorizontalFlip": flipped},
    )
    (path,) = write_client(tmp_path, "demd1", {"500": episode()}, [image])
    record = scanned(tmp_path)[0][path]
    box = record.lesions[0].box
    assert box is not None
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[box.y0 : box.y1, box.x0 : box.x1] = True
    shown = OPTIMAM().pixels(tmp_path, record)
    assert np.array_equal(covered, shown == shown.max())


@pytest.mark.parametrize(
    ("opinion", "expected"),
    [("B5", "malignant"), ("B2", "benign"), ("B3", "unknown"), ("B1", "unknown"), ("", "unknown")],
)
def test_a_linked_lesion_decides(tmp_path: Path, opinion: str, expected: Pathology) -> None:
    """The breast as a whole is uncertain, so that only the lesion's own biopsy can say."""
    nbss = {"500": episode({"L": "OU"}, {"L": {"1": {"Opinion": opinion}}})}
    ((lesion,),) = lesions(tmp_path, nbss, Image(name="1.2.3.1", marks=[mark(1, 1, 5, 5)]))
    assert (lesion.pathology, lesion.kind) == (expected, "mass")  # the kind is that of NBSS's lesion


def test_a_lesion_of_the_other_breast_with_the_same_number_decides_nothing(tmp_path: Path) -> None:
    biopsies = {"L": {"1": {"Opinion": "B2"}}, "R": {"1": {"Opinion": "B5"}, "2": {"Opinion": "B2"}}}
    nbss = {"500": episode({"L": "OB", "R": "OM"}, biopsies)}
    one = mark(1, 1, 5, 5, Mass=1)
    found = lesions(
        tmp_path,
        nbss,
        Image(name="1.2.3.1", side="L", marks=[one]),
        Image(name="1.2.3.2", side="R", marks=[one]),
        Image(name="1.2.3.3", side="R", marks=[{**one, "LinkedNBSSLesionNumber": "2"}]),
    )
    assert [of_image[0].pathology for of_image in found] == ["benign", "malignant", "benign"]


def test_an_unlinked_mark_is_malignant_only_where_nothing_else_can_be(tmp_path: Path) -> None:
    unlinked = mark(1, 1, 5, 5, Mass=1, LinkedNBSSLesionNumber="UNLINKED")
    found = lesions(
        tmp_path,
        {"500": episode({"L": "OM", "R": "OM"})},
        Image(name="1.2.3.1", side="L", marks=[unlinked]),
        Image(name="1.2.3.2", side="R", marks=[unlinked, {**unlinked, "X1": "3"}]),
    )
    assert [[lesion.pathology for lesion in of_image] for of_image in found] == [["malignant"], ["unknown"] * 2]


@pytest.mark.parametrize(
    ("nbss", "side", "expected"),
    [
        (episode(), "L", None),  # screened, and that was all
        (episode({"R": "OM"}), "L", None),
        (episode({"L": "OM"}), "L", "malignant"),
        (episode({"L": "OM"}, event="SURGERY"), "L", "malignant"),
        (episode({"L": "OB"}, event="BIOPSYFINE"), "L", "benign"),
        (episode({"L": "OS"}), "L", "unknown"),
        (episode({}), "L", "unknown"),  # a biopsy without opinion
        (episode(kind="CI"), "L", "malignant"),
        (episode({"R": "OM"}, kind="CI"), "L", None),
        (episode({"L": "OB"}, kind="CI"), "L", "benign"),
        ({"EpisodeType": "R"}, "L", "unknown"),  # no events at all
    ],
)
def test_an_image_without_marks_is_free_only_if_its_breast_is(
    tmp_path: Path, nbss: dict[str, Any], side: str, expected: Pathology | None
) -> None:
    (found,) = lesions(tmp_path, {"500": nbss}, Image(name="1.2.3.1", side=side))
    assert [(lesion.pathology, lesion.box) for lesion in found] == ([] if expected is None else [(expected, None)])
    (record,) = scanned(tmp_path, OPTIMAM(unmarked_is_free=True))[0].values()
    assert record.lesions == ()


def test_a_mark_on_one_image_holds_for_the_others_of_its_breast(tmp_path: Path) -> None:
    raw = {"PresentationIntentType": "FOR PROCESSING"}
    found = lesions(
        tmp_path,
        {"500": episode()},
        Image(name="1.2.3.1", marks=[mark(1, 1, 5, 5, FocalAsymmetry="FocalAsymmetry")]),
        Image(name="1.2.3.2", header=raw),
        Image(name="1.2.3.3", side="R"),
        Image(name="1.2.3.4", study="1.2.2"),
        Image(name="1.2.3.5", study="1.2.3"),
        Image(name="1.2.3.6", study="1.2.3", side="R"),
        Image(name="1.2.3.7", study="1.2.3", marks=[mark(1, 1, 5, 5)], on_disk=False),
    )
    kinds = [[lesion.kind for lesion in of_image] for of_image in found]
    assert kinds == [["asymmetry"], ["other"], [], [], ["other"], []]


def test_a_study_of_no_episode_is_kept_and_could_hold_anything(tmp_path: Path) -> None:
    lost = [
        Image(name="1.2.3.1", episode=None, study="1.2.9"),
        Image(name="1.2.3.2", episode="777", side="R", marks=[mark(1, 1, 5, 5)]),
    ]
    nbss = {"500": {**episode({"L": "OM"}), "SCREENING": {"L": {"DateTaken": "2001-01-01"}}}}
    first, second = lesions(tmp_path, nbss, *lost)
    assert [(lesion.pathology, lesion.box) for lesion in first] == [("unknown", None)]
    assert [(lesion.pathology, lesion.box) for lesion in second] == [("unknown", Box(1, 1, 6, 6))]
