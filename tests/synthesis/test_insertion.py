"""Masses in mammograms: what must stay the same, bit for bit."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_gan.archives.records import Box
from mammo_gan.errors import UserError
from mammo_gan.imaging.feather import feathered
from mammo_gan.imaging.geometry import mask_box, resize_mask
from mammo_gan.synthesis.inserter import Inserter
from mammo_gan.synthesis.insertion import Inserted, Insertion, Paste, infill_window, replay
from mammo_gan.synthesis.lesion_size import LesionSizes
from mammo_gan.synthesis.placement import NoRoomError, Placement

SIZES = LesionSizes(unit="px", mean=(24, 20), deviation=(5, 5), low=(14, 12), high=(34, 30), count=9, padding=4)
SIZE = 32


def film(seed: int, dtype: Any = np.uint8, height: int = 160, width: int = 120) -> np.ndarray:
    """A breast at the left border on dark film: the upper half of the type's range and noise."""
    y, x = np.mgrid[:height, :width]
    breast = (x / (0.8 * width)) ** 2 + ((y - height / 2) / (0.49 * height)) ** 2 < 1
    top = np.iinfo(dtype).max
    noise = np.random.default_rng(seed).integers(0, top // 5, breast.shape)
    return np.asarray(np.where(breast, top // 2 + noise, noise // 20), dtype=dtype)


def blob(rng: np.random.Generator) -> np.ndarray:
    """A lopsided lesion of 48 x 48 px that doesn't touch the frame."""
    y, x = np.mgrid[:48, :48] - rng.uniform(20, 28, (2, 1, 1))
    return np.asarray((x / rng.uniform(4, 16)) ** 2 + (y / rng.uniform(4, 16)) ** 2 + x * y / 400 < 1)


def brighter(tissue: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A generator that depends on each of its inputs, and not the same way on left and right."""
    ramp = np.linspace(0, 0.3, tissue.shape[1], dtype=np.float32)
    return np.asarray(np.where(mask, 0.7 + ramp, 0.8 * tissue + ramp), dtype=np.float32)


def inserter(**settings: Any) -> Inserter:
    usual: dict[str, Any] = {"infill": brighter, "masks": blob, "sizes": SIZES, "size": SIZE}
    return Inserter(**(usual | settings))


def slices(box: Box) -> tuple[slice, slice]:
    return slice(box.y0, box.y1), slice(box.x0, box.x1)


cases = {
    "seed": st.integers(0, 2**63),
    "dtype": st.sampled_from([np.uint8, np.uint16]),
    "mirror": st.booleans(),
    "count": st.integers(0, 3),
    "paste": st.sampled_from(["whole", "mask_and_margin"]),
}


@settings(max_examples=40)
@given(**cases)
def test_what_an_insertion_leaves_alone(seed: int, dtype: Any, mirror: bool, count: int, paste: Paste) -> None:
    image = film(seed % 5, dtype)
    if mirror:
        image = np.ascontiguousarray(image[:, ::-1])
    before, taken = image.copy(), [Box(40, 60, 52, 75)]
    made = inserter(paste=paste).insert(image, seed=seed, count=count, lesions=taken)
    assert (image == before).all()
    assert made.image.dtype == dtype
    assert len(made.insertions) == len(made.masks) == count
    touched = np.zeros(image.shape, dtype=int)
    for box in taken:
        touched[slices(box)] += 1
    for number, insertion in enumerate(made.insertions):
        window, lesion = insertion.window, insertion.lesion
        assert 0 <= window.x0 < window.x1 <= 120
        assert 0 <= window.y0 < window.y1 <= 160
        touched[slices(window)] += 1
        assert insertion.mirror == mirror
        assert made.masks[number].shape == (window.height, window.width)
        whole = made.mask(number)
        assert mask_box(whole) == (lesion.x0, lesion.y0, lesion.x1, lesion.y1)
        assert whole.sum() == made.masks[number].sum()
        assert insertion.low == before[slices(window)].min()
        assert insertion.high == before[slices(window)].max()
        new = made.image[slices(window)]
        assert insertion.low <= new.min() <= new.max() <= insertion.high
        if paste == "mask_and_margin":
            left = made.masks[number][:, ::-1] if mirror else made.masks[number]
            weights = feathered(left)[:, ::-1] if mirror else feathered(left)
            assert (new[weights == 0] == before[slices(window)][weights == 0]).all()
    assert touched.max() == 1  # no overlap
    outside = touched == 0
    outside[slices(taken[0])] = True
    assert (made.image[outside] == before[outside]).all()
    assert (made.image != before).any() == (count > 0)


@settings(max_examples=40)
@given(**cases)
def test_a_record_gives_the_same_pixels_again(seed: int, dtype: Any, mirror: bool, count: int, paste: Paste) -> None:
    image = film(seed % 5, dtype)[:, :: -1 if mirror else 1]
    made = inserter(paste=paste, margin_scale=1.3).insert(image, seed=seed, count=count)
    kept = json.loads(json.dumps([asdict(insertion) for insertion in made.insertions]))
    again = replay(image, [Insertion.from_fields(fields) for fields in kept], brighter, blob)
    same(again, made)
    assert again.insertions == made.insertions


@settings(max_examples=40)
@given(**cases)
def test_a_mirrored_image_has_the_mirrored_insertions(
    seed: int, dtype: Any, mirror: bool, count: int, paste: Paste
) -> None:
    image = film(seed % 5, dtype)[:, :: -1 if mirror else 1]
    made = inserter(paste=paste).insert(image, seed=seed, count=count)
    other = inserter(paste=paste).insert(image[:, ::-1], seed=seed, count=count)
    same(
        Inserted(made.image[:, ::-1], made.insertions, tuple(mask[:, ::-1] for mask in made.masks)),
        other,
    )
    for one, two in zip(made.insertions, other.insertions, strict=True):
        assert two.mirror is not one.mirror
        for here, there in ((one.window, two.window), (one.lesion, two.lesion)):
            assert there == Box(120 - here.x1, here.y0, 120 - here.x0, here.y1)


def same(one: Inserted, other: Inserted) -> None:
    assert (one.image == other.image).all()
    assert len(one.masks) == len(other.masks)
    for mask, twin in zip(one.masks, other.masks, strict=True):
        assert (mask == twin).all()


def test_fewer_insertions_are_the_first_of_more() -> None:
    one, three = (inserter().insert(film(0), seed=4, count=count) for count in (1, 3))
    assert three.insertions[:1] == one.insertions
    window = slices(one.insertions[0].window)
    assert (three.image[window] == one.image[window]).all()


def test_a_patch_of_the_generators_size_passes_through_untouched() -> None:
    """With a generator that changes nothing and nothing to resize, no pixel changes: the grey map is exact."""
    square = replace(SIZES, mean=(SIZE, SIZE), deviation=(0, 0), low=(SIZE, SIZE), high=(SIZE, SIZE))
    for dtype in (np.uint8, np.uint16):
        image = film(1, dtype)
        made = inserter(infill=lambda tissue, mask: tissue, sizes=square).insert(image, seed=0, count=2)
        assert (made.image == image).all()


def test_pixels_by_hand() -> None:
    """4 x 4 px to 2 x 2 and back: the generator sees area means, the image gets its output enlarged."""
    image = np.full((6, 7), 9, dtype=np.uint16)
    image[1:5, 2:6] = np.array([[0, 0, 40, 40], [0, 0, 40, 40], [20, 20, 40, 40], [20, 20, 40, 0]])
    mask = np.zeros((4, 4), dtype=bool)
    mask[2:, 2:] = True
    seen: list[np.ndarray] = []

    def infill(tissue: np.ndarray, hole: np.ndarray) -> np.ndarray:
        seen.extend([tissue, hole])
        return np.full((2, 2), 0.5, dtype=np.float32)

    found = infill_window(
        image, (2, 1, 6, 5), infill, lambda rng: mask, seed=0, size=2, paste="whole", margin_scale=1.0
    )
    assert seen[0].tolist() == [[0, 1], [0.5, 0.75]]
    assert seen[1].tolist() == [[False, False], [False, True]]
    assert (image[1:5, 2:6] == 20).all()
    assert image.sum() == 16 * 20 + (42 - 16) * 9
    assert tuple(found.grey) == (0, 40)
    assert (found.mask == resize_mask(np.array([[False, False], [False, True]]), (4, 4))).all()
    assert found.lesion == (4, 3, 6, 5)


def test_the_masks_pixels_are_the_generators() -> None:
    made = inserter(infill=lambda tissue, mask: mask.astype(np.float32), paste="mask_and_margin").insert(
        film(2), seed=1
    )
    (insertion,) = made.insertions
    window = made.image[slices(insertion.window)]
    middle = (insertion.lesion.y0 + insertion.lesion.y1) // 2, (insertion.lesion.x0 + insertion.lesion.x1) // 2
    assert made.image[middle] == insertion.high
    whole = inserter(infill=lambda tissue, mask: mask.astype(np.float32)).insert(film(2), seed=1)
    assert (window[made.masks[0]] == whole.image[slices(insertion.window)][made.masks[0]]).all()
    assert whole.image[insertion.window.y0, insertion.window.x0] == insertion.low


def test_another_image_or_other_masks_are_refused() -> None:
    made = inserter().insert(film(0), seed=0)
    with pytest.raises(UserError, match="give the image and the source of masks"):
        replay(film(1), made.insertions, brighter, blob)
    with pytest.raises(UserError, match="give the image and the source of masks"):
        replay(film(0), made.insertions, brighter, lambda rng: blob(rng)[::-1, ::-1] & (np.arange(48) > 24))
    with pytest.raises(UserError, match="expected one that holds"):
        replay(film(0, height=20, width=20), made.insertions, brighter, blob)


def test_a_refusal_of_the_place_comes_through() -> None:
    with pytest.raises(NoRoomError, match="boxes of lesions"):
        inserter().insert(film(0), seed=0, lesions=[Box(0, 0, 120, 160)])
    with pytest.raises(NoRoomError, match="0 hold"):
        inserter().insert(np.zeros((160, 120), dtype=np.uint8), seed=0)
    paper = inserter(placement=Placement(rule="paper"))
    assert len(paper.insert(film(0), seed=0, count=2, lesions=[Box(0, 0, 120, 160)]).insertions) == 2


def test_sizes_in_mm_take_the_images_spacing() -> None:
    sizes = replace(SIZES, unit="mm", mean=(2, 1), deviation=(0, 0), low=(2, 1), high=(2, 1))
    window = inserter(sizes=sizes).insert(film(0), seed=0, mm_per_px=0.1).insertions[0].window
    assert (window.height, window.width) == (20, 10)
    with pytest.raises(UserError, match="in mm"):
        inserter(sizes=sizes).insert(film(0), seed=0)


def test_what_is_no_mammogram_mask_or_patch_is_refused() -> None:
    for image in (film(0).astype(np.float32), film(0)[..., None]):
        with pytest.raises(ValueError, match="expected a mammogram"):
            inserter().insert(image, seed=0)
    empty = np.zeros((SIZE, SIZE), dtype=bool)
    for mask, text in ((empty, "empty"), (empty.astype(np.uint8), "of bool"), (empty[0], "of bool")):
        with pytest.raises(ValueError, match=text):
            inserter(masks=lambda rng, mask=mask: mask).insert(film(0), seed=0)
    for wrong in (np.zeros((SIZE, SIZE - 1)), np.full((SIZE, SIZE), np.nan)):
        with pytest.raises(ValueError, match="finite values of the generator"):
            inserter(infill=lambda tissue, mask, wrong=wrong: wrong).insert(film(0), seed=0)
