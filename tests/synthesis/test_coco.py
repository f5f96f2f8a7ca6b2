"""What pycocotools, by the authors of the format, reads from the files that we write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mammo_gan.archives.records import Box
from mammo_gan.synthesis.annotation import AnnotatedLesion
from mammo_gan.synthesis.coco import ANNOTATIONS, CocoWriter, run_lengths
from tests.synthesis.annotated import SHAPE, annotated

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools 2.0.11 on numpy 2
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.booleans())


def reference(module: str) -> Any:
    return pytest.importorskip(module, reason="pycocotools isn't installed: pip install -e .[dev]")


@given(MASKS)
@settings(max_examples=100, deadline=None)
def test_a_mask_comes_back_exactly(mask: np.ndarray) -> None:
    coco_mask = reference("pycocotools.mask")
    runs = run_lengths(mask)
    packed = coco_mask.frPyObjects({"size": list(mask.shape), "counts": runs}, *mask.shape)
    assert np.array_equal(coco_mask.decode(packed), mask)
    assert packed == coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))  # the shortest runs, as its own
    assert coco_mask.area(packed) == mask.sum()


@given(MASKS)
@settings(max_examples=50, deadline=None)
def test_runs_go_down_the_columns_and_begin_outside(mask: np.ndarray) -> None:
    runs = run_lengths(mask)
    spelt = [bool(number % 2) for number, length in enumerate(runs) for _ in range(length)]
    assert np.array_equal(np.reshape(spelt, mask.T.shape).T, mask)
    assert all(runs[1:])


def test_pycocotools_reads_a_set(tmp_path: Path) -> None:
    first = annotated()
    boxed = AnnotatedLesion("calcification", Box(2, 10, 12, 15))
    (lesion,) = first.lesions
    writer = CocoWriter(["mass", "calcification"])
    writer.begin(tmp_path)
    writer.add("images/000000.png", first)
    writer.add("images/000001.png", annotated(lesions=()))
    writer.add("images/000002.png", annotated(np.uint8, lesions=(boxed, lesion), parent="", mm_per_px=None))
    writer.finish()
    read = reference("pycocotools.coco").COCO(str(tmp_path / ANNOTATIONS))

    images = read.loadImgs(sorted(read.getImgIds()))
    assert [image["file_name"] for image in images] == [f"images/{number:06d}.png" for number in range(3)]
    assert {(image["height"], image["width"]) for image in images} == {SHAPE}
    assert [category["name"] for category in read.loadCats(read.getCatIds())] == ["mass", "calcification"]
    counts = [len(read.getAnnIds(imgIds=image["id"])) for image in images]
    assert counts == [1, 0, 2]
    (alone,) = read.loadAnns(read.getAnnIds(imgIds=images[0]["id"]))
    assert lesion.mask is not None
    assert np.array_equal(read.annToMask(alone), lesion.mask)
    assert (alone["bbox"], alone["area"], alone["iscrowd"]) == ([3, 16, 5, 5], lesion.mask.sum(), 0)
    (calcification,) = read.loadAnns(read.getAnnIds(catIds=read.getCatIds(catNms=["calcification"])))
    assert (calcification["image_id"], calcification["bbox"]) == (images[2]["id"], [2, 10, 10, 5])
    assert calcification["area"] == 50
    assert "segmentation" not in calcification
    assert sorted(read.getAnnIds()) == [1, 2, 3]


def test_a_set_says_that_it_is_synthetic_and_how_it_was_made(tmp_path: Path) -> None:
    writer = CocoWriter(["mass"])
    writer.begin(tmp_path)
    writer.add("images/000000.png", annotated())
    assert not list(tmp_path.iterdir())  # whole or not at all
    writer.finish()
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text(encoding="utf-8"))
    assert "Synthetic" in content["info"]["description"]
    assert content["info"]["synthetic"] is True
    (image,) = content["images"]
    assert image["origin"] == {"generator": "f" * 64, "parent": "0123456789abcdef", "seed": 7}
    assert (image["view"], image["laterality"], image["mm_per_px"]) == ("MLO", "L", 0.07)


def test_a_writer_begins_anew(tmp_path: Path) -> None:
    writer = CocoWriter(["mass"])
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        writer.begin(tmp_path / name)
        writer.add("images/000000.png", annotated())
        writer.finish()
    assert (tmp_path / "a" / ANNOTATIONS).read_bytes() == (tmp_path / "b" / ANNOTATIONS).read_bytes()


def test_labels_that_are_none_of_the_categories(tmp_path: Path) -> None:
    writer = CocoWriter(["calcification"])
    writer.begin(tmp_path)
    with pytest.raises(ValueError, match="'mass' is none of the categories calcification"):
        writer.add("images/000000.png", annotated())
    for labels in ([], ["mass", "mass"]):
        with pytest.raises(ValueError, match="each once"):
            CocoWriter(labels)
