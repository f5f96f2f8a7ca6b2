"""Whole images from end to end: what lies where, and what a batch gives back."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mammo_gan.archives.identity import image_key, patient_key
from mammo_gan.archives.records import Box, Lesion, Mammogram, Pathology, SplitName
from mammo_gan.archives.splits import assign
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.image_summary import ImageSummary
from mammo_gan.data.prepare_images import ImageRecipe, expected_bytes, prepare_images
from mammo_gan.errors import UserError
from mammo_gan.imaging.fitting import fit_onto
from tests.data.drawn import HEIGHT, WIDTH, Drawn, archive, breast, mammogram

KEY = b"k" * 32
SIZES = ((160, 128), (80, 64), (10, 8))
RECIPE = ImageRecipe(sizes=SIZES, depth=8, left_oriented=True)


class Facing(Drawn):
    """Right breasts with their chest wall at the right border."""

    def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
        pixels = super().pixels(root, mammogram)
        return pixels[:, ::-1].copy() if mammogram.laterality == "R" else pixels


def of(patient: int, *pathologies: Pathology, right: bool = False) -> Mammogram:
    return replace(mammogram(patient, "CC", *pathologies), laterality="R" if right else "L")


RECORDS = [
    of(0, "malignant", "benign"),
    of(1, right=True),
    replace(of(2, "unknown"), view=None, density=None, mm_per_px=None),
    of(3, "benign", right=True),
    replace(of(4), height=120, width=160, density="D"),
]
SPLITS: dict[str, SplitName] = {f"patient-{n}": "val" if n == 3 else "train" for n in range(5)}


def prepare(folder: Path, records: list[Mammogram] = RECORDS, recipe: ImageRecipe = RECIPE) -> ImageSummary:
    return prepare_images(records, Facing(), Path(), folder, recipe, SPLITS, KEY)


Prepared = tuple[ImageStore, ImageSummary]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    summary = prepare(folder)
    return ImageStore.open(folder), summary


def test_rows_say_what_is_known(prepared: Prepared) -> None:
    store, _ = prepared
    assert (len(store), store.sizes, store.dtype.name) == (5, SIZES, "uint8")
    for index, (row, record) in enumerate(zip(store.rows, RECORDS, strict=True)):
        assert store.row(index) == row
        assert (row.image_key, row.patient_key) == (image_key(KEY, record), patient_key(KEY, record))
        assert (row.view, row.laterality, row.density) == (record.view, record.laterality, record.density)
        assert row.split == SPLITS[record.patient]
        assert (row.source_height, row.source_width) == (record.height, record.width)
        assert row.mirror == (record.laterality == "R")
        assert row.fit(SIZES[0]) == fit_onto((record.height, record.width), SIZES[0])
    assert [row.label for row in store.rows] == [1, 0, None, 0, 0]
    assert store.labels.tolist() == [1, 0, -1, 0, 0]
    assert store.indices("train").tolist() == [0, 1, 2, 4]
    assert store.indices("val").tolist() == [3]
    assert store.indices("test").tolist() == []
    assert store.column("view").tolist() == ["CC", "CC", None, "CC", "CC"]


def test_spacing_follows_the_size(prepared: Prepared) -> None:
    store, _ = prepared
    assert store.rows[0].scale == 160 / 240
    assert store.mm_per_px(0, (160, 128)) == pytest.approx(0.15)
    assert store.mm_per_px(0, (10, 8)) == pytest.approx(2.4)
    assert store.mm_per_px(2, (10, 8)) is None
    assert store.mm_per_px(4, (160, 128)) == pytest.approx(0.1 * 160 / 128)


def test_all_breasts_lie_at_the_left_and_fill_the_share_that_is_said(prepared: Prepared) -> None:
    store, _ = prepared
    for row, record, image in zip(store.rows, RECORDS, store.batch(range(5), SIZES[0]), strict=True):
        tissue = image > 40
        assert tissue[:, :10].sum() > 5 * tissue[:, -10:].sum()
        share = breast(record).sum() * row.scale**2 / (160 * 128)
        assert row.breast_mask_size == pytest.approx(share, rel=0.05)
        assert tissue.mean() == pytest.approx(row.breast_mask_size, rel=0.05)
        assert (image.min(), image.max()) == (0, 255)


def test_boxes_hold_their_lesion_on_the_prepared_image(tmp_path: Path) -> None:
    """A lesion that is the brightest of its image lies in its box, mirrored or not."""

    class Bright(Facing):
        def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
            pixels = Drawn.pixels(self, root, mammogram)
            pixels[self.mask(root, mammogram, mammogram.lesions[0])] = 65535
            return pixels[:, ::-1].copy() if mammogram.laterality == "R" else pixels

    left = of(0, "malignant")
    box = left.lesions[0].box
    assert box is not None
    turned = replace(box, x0=left.width - box.x1, x1=left.width - box.x0)
    right = replace(left, image="right", laterality="R", lesions=(replace(left.lesions[0], box=turned),))

    class Turned(Bright):
        def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> np.ndarray:
            return super().mask(root, left, left.lesions[0])

    prepare_images([left, right], Turned(), Path(), tmp_path, RECIPE, SPLITS, KEY)
    store = ImageStore.open(tmp_path)
    for row, image in zip(store.rows, store.batch([0, 1], SIZES[0]), strict=True):
        (lesion,) = row.lesions
        assert (lesion.kind, lesion.pathology) == ("mass", "malignant")
        assert lesion.box is not None
        x0, y0, x1, y1 = lesion.box
        bright = image > 200
        assert bright.sum() > 50
        assert bright[y0:y1, x0:x1].sum() == bright.sum()
    assert store.rows[0].lesions == store.rows[1].lesions
    assert [row.mirror for row in store.rows] == [False, True]


class Scanned(Facing):
    """Films filled up to squares with black, grey where nothing is, with a white label beside the breast."""

    def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
        film = super().pixels(root, replace(mammogram, width=WIDTH))
        square = np.zeros((mammogram.height, mammogram.width), dtype=np.uint16)
        square[:, 50 : 50 + WIDTH] = np.maximum(film, 3000)
        side = slice(140, 180) if mammogram.laterality == "L" else slice(60, 100)
        square[5:20, side] = 65535
        return square


def scanned(record: Mammogram) -> Mammogram:
    return replace(record, width=HEIGHT)


def test_the_breast_alone_lies_on_black_at_the_border(tmp_path: Path) -> None:
    """Film and label are gone, the padding is cut off, and grey levels and scale are those of the breast."""
    (lesion,) = of(0, "malignant").lesions
    records = [
        replace(scanned(of(0)), lesions=(replace(lesion, box=Box(78, 55, 95, 72)),)),
        scanned(of(1, right=True)),
    ]
    prepare_images(records, Scanned(), Path(), tmp_path, replace(RECIPE, breast_alone=True), SPLITS, KEY)
    store = ImageStore.open(tmp_path)
    for row, image, film in zip(store.rows, store.batch([0, 1], SIZES[0]), (of(0), of(1)), strict=True):
        assert row.scale == 160 / 240  # the film's, though the square's would be 128 / 240
        there = fit_onto((240, WIDTH), SIZES[0]).mask(breast(film))
        assert ((image > 40) & there).sum() > 0.93 * ((image > 40) | there).sum()
        assert not image[:20, 60:].any()  # where the label was
        assert (image[~there] == 0).mean() > 0.93  # all but the edge
        assert (image.min(), image.max()) == (0, 255)
        assert image[:, :2].any()
        assert row.breast_mask_size == pytest.approx(there.mean(), rel=0.08)
    box = store.rows[0].lesions[0].box
    assert box is not None
    np.testing.assert_allclose(box, np.array([28, 55, 45, 72]) * 160 / 240, atol=2)


def test_an_image_without_a_breast_is_named(tmp_path: Path) -> None:
    class Blank(Drawn):
        def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
            return np.full((mammogram.height, mammogram.width), 7, dtype=np.uint16)

    with pytest.raises(UserError, match=r"000/CC\.png: no breast.*data\.breast_alone=false"):
        prepare_images([of(0)], Blank(), Path(), tmp_path, replace(RECIPE, breast_alone=True), SPLITS, KEY)


def test_a_lesion_without_a_place_stays_without(tmp_path: Path) -> None:
    record = of(0, "benign")
    prepare(tmp_path, [replace(record, lesions=(replace(record.lesions[0], box=None),))])
    (lesion,) = ImageStore.open(tmp_path).rows[0].lesions
    assert lesion.box is None


def test_batches_come_in_the_order_asked_for(prepared: Prepared) -> None:
    store, _ = prepared
    order = [3, 0, 3, 4, 1]
    for size in SIZES:
        kept = np.load(store.folder / f"images_{size[0]}x{size[1]}.npy")
        np.testing.assert_array_equal(store.batch(order, size), kept[order])
        assert store.batch(order, size).dtype == np.uint8
        floats = store.floats(np.array(order), size)
        assert floats.dtype == np.float32
        np.testing.assert_allclose(floats, kept[order] / 255, atol=1e-6)
        np.testing.assert_allclose(store.floats(order, size, -1, 1), kept[order] / 127.5 - 1, atol=1e-6)
    assert store.floats([], SIZES[0]).shape == (0, 160, 128)
    with pytest.raises(IndexError, match="images 0 to 4, got -1 to 2"):
        store.batch([2, -1], SIZES[0])
    with pytest.raises(KeyError, match="160x128, 80x64, 10x8, not 20x16"):
        store.batch([0], (20, 16))


def test_16_bits_hold_what_8_do_and_more(tmp_path: Path, prepared: Prepared) -> None:
    summary = prepare(tmp_path, recipe=replace(RECIPE, depth=16))
    store = ImageStore.open(tmp_path)
    assert summary.bits == 16
    fine, coarse = store.batch(range(5), SIZES[0]), prepared[0].batch(range(5), SIZES[0])
    assert fine.dtype == np.uint16
    assert fine.max() == 65535
    assert len(np.unique(fine)) > 1000
    np.testing.assert_allclose(fine / 257, coarse, atol=0.51)
    np.testing.assert_allclose(store.floats([1], SIZES[2], -1, 1), store.batch([1], SIZES[2]) / 32767.5 - 1, atol=1e-6)


def test_a_pickled_store_is_its_folders_name(prepared: Prepared) -> None:
    store, _ = prepared
    assert len(store.rows) == 5
    sent = pickle.dumps(store)
    assert len(sent) < 500
    np.testing.assert_array_equal(pickle.loads(sent).batch([2], SIZES[1]), store.batch([2], SIZES[1]))  # noqa: S301


def test_the_summary_counts(prepared: Prepared) -> None:
    _, summary = prepared
    assert (summary.patients, summary.images, summary.mirrored, summary.bits) == (5, 5, 2, 8)
    assert summary.images_by_split == {"train": 4, "val": 1, "test": 0}
    assert summary.patients_by_split == {"train": 4, "val": 1, "test": 0}
    assert summary.labels == {"malignant": 1, "no malignant lesion": 3, "unknown": 1}
    assert summary.views == {"CC": 4, "unknown": 1}
    assert summary.lateralities == {"L": 3, "R": 2}
    assert summary.densities == {"B": 3, "D": 1, "unknown": 1}
    assert summary.mm_per_px == pytest.approx((0.125, 0.15))
    assert summary.mm_per_px_unknown == 1
    assert json.loads(json.dumps(summary.as_json()))["sizes"] == [list(size) for size in SIZES]


def test_neither_processes_nor_the_records_order_change_anything(tmp_path: Path, prepared: Prepared) -> None:
    prepare_images(RECORDS[::-1], Facing(), Path(), tmp_path, RECIPE, SPLITS, KEY, jobs=2)
    for file in (file for file in prepared[0].folder.iterdir() if file.is_file()):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_no_identifier_is_left(prepared: Prepared) -> None:
    files = [file for file in prepared[0].folder.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if b"patient-" in file.read_bytes() or b"000/CC" in file.read_bytes()]


def test_the_forecast_holds(prepared: Prepared) -> None:
    records = archive(60)
    assert expected_bytes(len(records), RECIPE) == pytest.approx(120 * (160 * 128 + 80 * 64 + 10 * 8), rel=0.02)


def test_an_empty_split_stops_before_any_image_is_read(tmp_path: Path) -> None:
    splits = assign(RECORDS, {"test": 1.0}, 1)
    with pytest.raises(UserError, match="train came out empty"):
        prepare_images(RECORDS, Facing(), Path(), tmp_path / "store", RECIPE, splits, KEY)
    assert not (tmp_path / "store").exists()


def test_a_depth_that_there_is_not() -> None:
    with pytest.raises(UserError, match=r"data\.depth=12: expected 8 or 16"):
        replace(RECIPE, depth=12)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "images.parquet").unlink(), r"images\.parquet"),
        (lambda folder: (folder / "images.parquet").write_bytes(b"PAR1 not"), r"images\.parquet"),
        (lambda folder: pq.write_table(pq.read_table(folder / "images.parquet").drop(["label"]),
                                       folder / "images.parquet"), "the columns"),
        (lambda folder: pq.write_table(pq.read_table(folder / "images.parquet").replace_schema_metadata(),
                                       folder / "images.parquet"), "the sizes"),
        (lambda folder: (folder / "images_10x8.npy").unlink(), r"images_10x8\.npy"),
        (lambda folder: np.save(folder / "images_10x8.npy", np.zeros((4, 10, 8), np.uint8)), r"\(5, 10, 8\)"),
        (lambda folder: np.save(folder / "images_10x8.npy", np.zeros((5, 10, 8), np.uint16)), "uint16"),
        (lambda folder: np.save(folder / "images_160x128.npy", np.array([{}]), allow_pickle=True), "160x128"),
    ],
)  # fmt: skip
def test_a_store_that_is_not_whole(tmp_path: Path, break_it: object, words: str) -> None:
    prepare(tmp_path)
    assert callable(break_it)
    break_it(tmp_path)
    with pytest.raises(UserError, match=words):
        ImageStore.open(tmp_path)
