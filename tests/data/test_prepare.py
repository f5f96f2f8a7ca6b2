"""A preparation from end to end on drawn mammograms: every rule of the patches, on every patch."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.archives.splits import assign
from mammo_gan.data.prepare import PatchRecipe, peak_bytes, prepare_patches
from mammo_gan.data.resized import resize
from mammo_gan.data.store import PatchStore
from mammo_gan.data.summary import PreparationSummary
from mammo_gan.errors import UserError
from tests.data.drawn import Drawn, archive, mammogram

KEY = b"k" * 32
RECIPE = PatchRecipe(
    patches_per_class=200, size=32, fit_height=180, fit_width=105, min_breast_share=0.75, benign_share=0.5, seed=1
)
RECORDS = archive(24)
SPLITS = assign(RECORDS, {"train": 0.6, "val": 0.2, "test": 0.2}, 4)
ALL: tuple[SplitName, ...] = ("train", "val", "test")


def prepare(folder: Path, records: list[Mammogram] = RECORDS, **options: Any) -> PreparationSummary:
    options = {"recipe": RECIPE, "splits": SPLITS, "required_splits": ALL, **options}
    return prepare_patches(records, Drawn(), Path(), folder, identity_key=KEY, **options)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[PatchStore, PreparationSummary]:
    folder = tmp_path_factory.mktemp("prepared")
    summary = prepare(folder)
    return PatchStore.open(folder), summary


Prepared = tuple[PatchStore, PreparationSummary]


def test_every_patch_is_cut_from_where_it_says(prepared: Prepared) -> None:
    store, _ = prepared
    images = {image_key(KEY, record): (record, resize(Drawn(), Path(), record, 180, 105)) for record in RECORDS}
    for index, row in enumerate(store.rows):
        record, resized = images[row.image_key]
        window = np.s_[row.y0 : row.y0 + 32, row.x0 : row.x0 + 32]
        np.testing.assert_allclose(store.image(index), resized.image[window] / 255, atol=1e-6)
        np.testing.assert_array_equal(store.breast(index), resized.breast[window])
        assert resized.breast[window].mean() > 0.75
        assert row.patient_key == patient_key(KEY, record)
        assert (row.view, row.laterality, row.density) == (record.view, "L", "B")
        assert row.scale == 0.75
        assert row.mm_per_px == pytest.approx(0.1 / 0.75)


def test_lesions_lie_whole_in_their_mask_with_a_rim(prepared: Prepared) -> None:
    store, _ = prepared
    for index, row in enumerate(store.rows):
        mask = store.mask(index)
        if row.lesion_box is None:
            assert not mask.any()
            assert (row.label, row.kind, row.pathology) == (0, None, None)
            continue
        assert row.label == (row.pathology == "malignant")
        assert row.kind == "mass"
        x0, y0, x1, y1 = row.lesion_box
        assert 1 <= x0 < x1 <= 31
        assert 1 <= y0 < y1 <= 31
        assert mask[y0:y1, x0:x1].sum() == mask.sum()
        assert np.pi * 6**2 == pytest.approx(mask.sum(), rel=0.15)  # the drawn radius of 8 px at a scale of 0.75


def test_no_lesion_free_patch_touches_a_lesion(prepared: Prepared) -> None:
    store, _ = prepared
    areas = {image_key(KEY, record): resize(Drawn(), Path(), record, 180, 105).areas for record in RECORDS}
    free = [row for row in store.rows if row.lesion_box is None]
    assert any(areas[row.image_key] for row in free)  # images with a lesion lend healthy tissue too
    for row in free:
        for area in areas[row.image_key]:
            assert area is not None
            assert not area.drawn((32, 32), row.x0, row.y0).any()


def test_no_patient_on_two_sides(prepared: Prepared) -> None:
    sides: dict[str, set[str]] = {}
    for row in prepared[0].rows:
        sides.setdefault(row.patient_key, set()).add(row.split)
    assert all(len(side) == 1 for side in sides.values())
    assert {split for side in sides.values() for split in side} == set(ALL)
    splits = {patient_key(KEY, record): SPLITS[record.patient] for record in RECORDS}
    assert all(splits[patient] in side for patient, side in sides.items())


def test_counts_are_those_asked_for_and_those_written(prepared: Prepared) -> None:
    store, summary = prepared
    images = Counter(SPLITS[record.patient] for record in RECORDS)
    written = Counter((row.split, row.label) for row in store.rows)
    assert len(store) == 400
    for count in summary.classes:
        exact = 200 * images[count.split] / len(RECORDS)
        assert abs(count.asked - exact) < 1
        assert count.patches == count.asked == written[count.split, int(count.label == "malignant")]
    for content in summary.contents:
        if content.content != "malignant":
            assert content.patches == content.asked
    per_image = Counter(row.image_key for row in store.rows if row.split == "train" and row.label == 1)
    assert max(per_image.values()) - min(per_image.values()) <= 1
    assert summary.images_by_split == dict(images)
    assert (summary.patients, summary.images) == (24, 48)
    assert summary.mm_per_px == pytest.approx((0.1 / 0.75, 0.1 / 0.75))
    assert summary.warnings == ()


def test_no_position_repeats_while_there_are_others(prepared: Prepared) -> None:
    store, summary = prepared
    places = Counter((row.image_key, row.lesion_box is None, row.x0, row.y0) for row in store.rows)
    assert max(places.values()) == 1
    assert all(content.repeated == 0 for content in summary.contents)


def test_no_identifier_and_no_mammogram_is_left(prepared: Prepared) -> None:
    folder = prepared[0].folder
    assert sorted(file.name for file in folder.iterdir()) == [
        "breasts.npy",
        "images.npy",
        "masks.npy",
        "patches.parquet",
        "unfinished",
    ]
    notes = [file for file in (folder / "unfinished").rglob("*") if file.is_file()]
    assert {file.suffix for file in notes} == {".json"}
    assert not any("patient-" in file.read_text() for file in notes)
    assert not any("patient-" in str(row) for row in prepared[0].rows)
    assert "patient-" not in json.dumps(prepared[1].as_json())


def same(one: PatchStore, other: PatchStore) -> bool:
    return one.rows == other.rows and all(
        (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
        for name in ("images.npy", "masks.npy", "breasts.npy")
    )


def test_neither_processes_nor_the_records_order_change_anything(prepared: Prepared, tmp_path: Path) -> None:
    seen = []

    def progress(items: Any, total: int, description: str) -> Any:
        seen.append((description, total))
        yield from items

    summary = prepare(tmp_path, RECORDS[::-1], jobs=2, progress=progress)
    assert same(PatchStore.open(tmp_path), prepared[0])
    assert summary == prepared[1]
    assert [total for _, total in seen] == [48, 48]


def test_another_seed_draws_other_patches(prepared: Prepared, tmp_path: Path) -> None:
    prepare(tmp_path, recipe=replace(RECIPE, seed=2))
    assert not same(PatchStore.open(tmp_path), prepared[0])


def test_positions_repeat_only_where_there_are_too_few(tmp_path: Path) -> None:
    # A lesion of 13 px in a patch of 16 has 2 x 2 positions; 4 such images for 100 patches.
    records = [*(mammogram(patient, "CC", "malignant") for patient in range(4)), mammogram(9, "CC")]
    splits: dict[str, SplitName] = {record.patient: "train" for record in records}
    recipe = replace(RECIPE, patches_per_class=100, size=16)
    summary = prepare(tmp_path, records, recipe=recipe, splits=splits, required_splits=("train",))
    malignant = next(content for content in summary.contents if content.content == "malignant")
    assert (malignant.patches, malignant.repeated) == (100, 100 - malignant.positions)
    assert malignant.positions < 100
    places = Counter((row.image_key, row.x0, row.y0) for row in PatchStore.open(tmp_path).rows if row.label == 1)
    assert len(places) == malignant.positions
    assert any("lie where another one lies" in warning for warning in summary.warnings)
    assert any("0 benign patches instead of 50" in warning for warning in summary.warnings)


def test_narrow_breasts_are_made_up_for(tmp_path: Path) -> None:
    narrow = replace(mammogram(0, "CC", "malignant"), height=20, width=20, lesions=())
    records = [narrow, *archive(9)[2:]]
    splits: dict[str, SplitName] = {record.patient: "train" for record in records}
    summary = prepare(tmp_path, records, splits=splits, required_splits=("train",))
    assert summary.images_without_patches >= 1
    assert all(count.patches == 200 for count in summary.classes)


def test_lesions_that_lend_nothing_are_counted(tmp_path: Path) -> None:
    unmasked = mammogram(100, "CC", "benign")
    unmasked = replace(unmasked, lesions=(replace(unmasked.lesions[0], has_mask=False),))
    summary = prepare(tmp_path, [*RECORDS, unmasked], splits={**SPLITS, unmasked.patient: "train"})
    assert summary.skipped_lesions == {"its outline is not known": 1}


def test_an_empty_split_stops_before_any_image_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test came out empty.*of 24 patients"):
        prepare(tmp_path / "store", splits=dict.fromkeys(SPLITS, "train"), required_splits=("train", "test"))
    assert not (tmp_path / "store").exists()


def test_a_split_without_a_class(tmp_path: Path) -> None:
    normal = [record for record in RECORDS if not record.lesions]
    with pytest.raises(UserError, match="train has no malignant patch"):
        prepare(tmp_path, normal, required_splits=("train",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "bad", [{"size": 0}, {"min_breast_share": 1.0}, {"benign_share": 1.5}, {"patches_per_class": 0}]
)
def test_bad_recipes(bad: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="patches: expected"):
        replace(RECIPE, **bad)


def test_the_forecast_holds_the_papers_preparation() -> None:
    paper = replace(RECIPE, patches_per_class=100_000, size=256, fit_height=1375, fit_width=750)
    assert 36e9 < peak_bytes(10_480, paper) < 40e9
