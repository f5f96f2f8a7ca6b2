"""Patches of lesions and of normal tissue: what is cut and left out, and that nothing but the recipe decides it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.identity import image_key
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Box, Lesion, Mammogram, SplitName
from mammo_gan.data.classes import Classes
from mammo_gan.data.image_rows import ImageRow
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.lesion_cutting import LesionRecipe
from mammo_gan.data.lesion_summary import LesionSummary
from mammo_gan.data.prepare_lesions import peak_bytes, prepare_lesions
from mammo_gan.errors import UserError
from mammo_gan.imaging.geometry import Xyxy
from tests import real_patches
from tests.archives.miniature import make_ddsm, write_manifest
from tests.archives.optimam_miniature import Image as OptimamImage
from tests.archives.optimam_miniature import episode, mark, scanned, write_client
from tests.data.drawn import Drawn, archive, breast, mammogram

KEY = b"k" * 32
RECIPE = LesionRecipe(
    size=20, largest=750, min_grey_levels=30, normal=10, normal_beside_lesions=True, breast="nonzero", seed=1
)


def prepare(
    folder: Path,
    records: list[Mammogram],
    recipe: LesionRecipe = RECIPE,
    reader: Reader | None = None,
    root: Path = Path(),
    jobs: int = 1,
    key: bytes = KEY,
) -> tuple[ImageStore, LesionSummary]:
    splits: dict[str, SplitName] = {record.patient: record.split or "train" for record in records}
    summary = prepare_lesions(records, reader or Drawn(), root, folder, recipe, splits, key, jobs=jobs)
    return ImageStore.open(folder), summary


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Whole-image min-max to uint8, in plain arithmetic."""
    low, high = float(pixels.min()), float(pixels.max())
    return np.rint((pixels - low) / (high - low) * 255).astype(np.uint8)


def touches(window: Xyxy, box: Box) -> bool:
    pixels = np.zeros((300, 300), dtype=int)
    pixels[window[1] : window[3], window[0] : window[2]] += 1
    pixels[box.y0 : box.y1, box.x0 : box.x1] += 1
    return bool((pixels == 2).any())


def patch(store: ImageStore, index: int) -> np.ndarray:
    found: np.ndarray = store.batch([index], store.sizes[0])[0]
    return found


def test_a_published_box_is_cut_with_both_of_its_ends(tmp_path: Path) -> None:
    """alyafi2019, 3.3: the area between (x1, y1) and (x2, y2), including endpoints."""
    nbss = {"500": episode({"L": "OM"}, {"L": {"1": {"Opinion": "B5"}}})}
    write_client(tmp_path, "demd1", nbss, [OptimamImage(name="1.2.3.1", marks=[mark(10, 30, 29, 49, Mass=1)])])
    records, _ = scanned(tmp_path)
    (record,) = records.values()
    store, _ = prepare(tmp_path / "store", [record], reader=OPTIMAM(), root=tmp_path)
    (row,) = [row for row in store.rows if row.lesions]
    assert row.window == (10, 30, 30, 50)
    assert (row.label, row.lesions[0].pathology, row.lesions[0].box) == (1, "malignant", (0, 0, 20, 20))
    expected = stretched(OPTIMAM().pixels(tmp_path, record))[30 : 49 + 1, 10 : 29 + 1]
    np.testing.assert_array_equal(patch(store, store.rows.index(row)), expected)


def test_every_lesion_and_ten_patches_of_normal_tissue_an_image(tmp_path: Path) -> None:
    records = archive(12)
    store, summary = prepare(tmp_path, records)
    assert summary.patches == {"lesion": 16, "normal": 240}
    assert summary.patches_by_split["train"] == {"lesion": 16, "normal": 240}
    assert (summary.kinds, summary.pathologies) == ({"mass": 16}, {"benign": 8, "malignant": 8})
    assert (summary.images, summary.patients, summary.skipped, summary.size) == (24, 12, {}, 20)
    assert store.sizes == ((20, 20),)
    by_key = {image_key(KEY, record): record for record in records}
    normal: Counter[str] = Counter()
    for index, row in enumerate(store.rows):
        record, window = by_key[row.image_key], row.window
        assert window is not None
        assert (row.view, row.density, row.source_height) == (record.view, record.density, record.height)
        if row.lesions:
            assert window == (28, 55, 45, 72)
            with pytest.raises(ValueError, match="expected a whole image"):
                row.fit((20, 20))
            assert row.mm_per_px == pytest.approx(0.1 * 17 / 20)
            continue
        normal[row.image_key] += 1
        assert (window[2] - window[0], window[3] - window[1], row.label, row.mm_per_px) == (20, 20, 0, 0.1)
        assert breast(record)[window[1] : window[3], window[0] : window[2]].all()
        assert not any(touches(window, lesion.box) for lesion in record.lesions if lesion.box is not None)
        source = stretched(Drawn().pixels(Path(), record))
        np.testing.assert_array_equal(patch(store, index), source[window[1] : window[3], window[0] : window[2]])
    assert set(normal.values()) == {10}


class Masked(Drawn):
    """Outlines lesions that have no box: columns 20 to 50, rows 100 to 110."""

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> np.ndarray:
        mask = np.zeros((mammogram.height, mammogram.width), dtype=bool)
        mask[100:111, 20:51] = True
        return mask


def test_a_mask_will_do_where_there_is_no_box(tmp_path: Path) -> None:
    record = mammogram(0, "CC", "malignant")
    unboxed = replace(record, lesions=(replace(record.lesions[0], box=None),))
    store, _ = prepare(tmp_path, [unboxed], reader=Masked())
    (row,) = [row for row in store.rows if row.lesions]
    assert row.window == (20, 100, 51, 111)
    normal = [found.window for found in store.rows if not found.lesions and found.window is not None]
    assert len(normal) == 10
    assert not any(touches(window, Box(20, 100, 51, 111)) for window in normal)


def test_what_gives_no_patch_is_counted_by_reason(tmp_path: Path) -> None:
    first = mammogram(0, "CC", "malignant", "benign")
    one, other = first.lesions
    records = [
        replace(first, lesions=(replace(one, box=Box(20, 20, 61, 40)), replace(other, box=Box(20, 90, 60, 130)))),
        replace(mammogram(1, "CC", "malignant"), lesions=(replace(one, box=None, has_mask=False),)),
        replace(mammogram(2, "CC", "malignant"), lesions=(replace(one, box=Box(140, 0, 150, 9)),)),
        replace(mammogram(3, "CC", "malignant"), lesions=(replace(one, box=Box(30, 90, 35, 95)),)),
    ]
    store, summary = prepare(tmp_path, records, replace(RECIPE, largest=40))
    assert [row.window for row in store.rows if row.lesions] == [(20, 90, 60, 130)]
    assert summary.skipped == {
        "images without normal tissue, since a lesion's place isn't known": 1,
        "lesions more than 40 px high or wide": 1,
        "lesions outside their image": 1,
        "lesions with fewer than 30 grey levels": 1,
        "lesions without a known place": 1,
    }
    assert summary.patches["normal"] == 30
    large = records[0].lesions[0].box  # left out, and still no normal tissue
    assert large is not None
    key = image_key(KEY, records[0])
    of_first = [row.window for row in store.rows if row.image_key == key and not row.lesions]
    assert len(of_first) == 10
    assert not any(window is not None and touches(window, large) for window in of_first)


class Flat(Drawn):
    """Breasts of 29 grey values beside a black one."""

    def pixels(self, root: Path, mammogram: Mammogram) -> np.ndarray:
        return np.where(breast(mammogram), super().pixels(root, mammogram) % 29 + 227, 0).astype(np.uint16)


def test_patches_of_few_grey_levels_are_left_out_and_not_replaced(tmp_path: Path) -> None:
    record = mammogram(0, "CC", "malignant")
    with pytest.raises(UserError, match=r"train has no patch of a lesion.*lesions with fewer than 30 grey levels: 1"):
        prepare(tmp_path, [record], reader=Flat())
    assert not (tmp_path / "unfinished").exists()
    _, summary = prepare(tmp_path, [record], replace(RECIPE, min_grey_levels=29), reader=Flat())
    assert summary.patches == {"lesion": 1, "normal": 10}


def test_normal_tissue_is_asked_of_those_that_the_recipe_names(tmp_path: Path) -> None:
    records = archive(3)
    free_alone, summary = prepare(tmp_path / "a", records, replace(RECIPE, normal_beside_lesions=False))
    keys = {image_key(KEY, record) for record in records if not record.lesions}
    assert {row.image_key for row in free_alone.rows if not row.lesions} == keys
    assert summary.skipped == {"images not asked for normal tissue, since they show a lesion": 4}
    assert prepare(tmp_path / "b", records, replace(RECIPE, normal=0))[1].patches == {"lesion": 4, "normal": 0}
    _, crowded = prepare(tmp_path / "c", records, replace(RECIPE, size=160))
    assert crowded.skipped == {"images without room for a patch of normal tissue": 6}


def test_neither_processes_nor_other_images_nor_their_order_change_a_patch(tmp_path: Path) -> None:
    records = archive(70)  # more than one image a chunk
    prepare(tmp_path / "one", records)
    prepare(tmp_path / "two", records[::-1], jobs=2)
    for name in ("images_20x20.npy", "images.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    few, _ = prepare(tmp_path / "few", records[:3])
    whole = ImageStore.open(tmp_path / "one")
    assert unranked(few) == unranked(whole)[: len(few)]
    another, _ = prepare(tmp_path / "seeded", records[:3], replace(RECIPE, seed=2))
    assert unranked(another) != unranked(few)


def unranked(store: ImageStore) -> list[ImageRow]:
    """The rows without what other images change: ranks among them."""
    return [replace(row, patient_rank=None, image_rank=None) for row in store.rows]


def test_film_has_its_breast_found(tmp_path: Path) -> None:
    make_ddsm(tmp_path)
    reader = DDSM()
    records = [record for record in reader.scan(tmp_path) if isinstance(record, Mammogram)]
    store, summary = prepare(tmp_path / "store", records, replace(RECIPE, size=8, breast="found"), reader, tmp_path)
    lesions = sum(len(record.lesions) for record in records)
    assert summary.patches["lesion"] == lesions > 0
    assert summary.patches["normal"] == 10 * len(records)
    boxes = {(lesion.box.x0, lesion.box.y0, lesion.box.x1, lesion.box.y1)
             for record in records for lesion in record.lesions if lesion.box is not None}  # fmt: skip
    assert {row.window for row in store.rows if row.lesions} == boxes


def test_ready_made_patches_are_taken_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    images: dict[str, np.ndarray] = {
        "a.png": rng.integers(90, 180, (20, 20), dtype=np.uint8),
        "b.png": rng.integers(0, 2**16, (20, 20), dtype=np.uint16),
        "c.png": np.full((40, 30), 77, dtype=np.uint8),
    }
    for name, pixels in images.items():
        Image.fromarray(pixels).save(tmp_path / name)
    labels = {"a.png": "malignant", "b.png": "benign", "c.png": "normal"}
    rows = [{"image": name, "patient": name, "label": label, "extent": "patch"} for name, label in labels.items()]
    write_manifest(tmp_path, rows)
    reader = Manifest()
    records = [record for record in reader.scan(tmp_path) if isinstance(record, Mammogram)]
    store, summary = prepare(tmp_path / "store", records, reader=reader, root=tmp_path)
    np.testing.assert_array_equal(patch(store, 0), images["a.png"])
    assert np.abs(patch(store, 1) - images["b.png"] / 65535 * 255).max() <= 0.5
    assert (patch(store, 2) == 77).all()
    assert [row.label for row in store.rows] == [1, 0, 0]
    assert [len(row.lesions) for row in store.rows] == [1, 1, 0]
    assert [row.window for row in store.rows] == [(0, 0, 20, 20), (0, 0, 20, 20), (0, 0, 30, 40)]
    assert summary.patches == {"lesion": 2, "normal": 1}


def test_the_disk_that_is_forecast_is_enough(tmp_path: Path) -> None:
    records = archive(12)
    prepare(tmp_path, records)
    taken = sum(file.stat().st_size for file in tmp_path.rglob("*.npy"))
    assert taken < peak_bytes(records, RECIPE) < 2 * taken


@pytest.mark.parametrize("bad", [{"size": 0}, {"largest": 0}, {"normal": -1}, {"breast": "outline"}])
def test_a_recipe_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UserError, match="data"):
        replace(RECIPE, **bad)  # type: ignore[arg-type]


@pytest.mark.skipif(not real_patches.PATCHES.is_dir(), reason=f"no real patches in {real_patches.PATCHES}")
def test_real_patches(tmp_path: Path) -> None:
    assert real_patches.as_archive(tmp_path / "lab", every=40) == 33
    reader = Manifest()
    records = [record for record in reader.scan(tmp_path / "lab") if isinstance(record, Mammogram)]
    store, summary = prepare(tmp_path / "store", records, replace(RECIPE, size=128), reader, tmp_path / "lab")
    assert summary.patches_by_split["train"]["lesion"] + summary.patches_by_split["val"]["lesion"] == 33
    for index, record in enumerate(sorted(records, key=lambda record: record.image)):
        row = store.row(index)
        assert row.label == ("is_benign_false" in record.image)
        assert row.split == record.image.split("/")[0]
        with Image.open(tmp_path / "lab" / record.image) as image:
            np.testing.assert_array_equal(patch(store, index), np.asarray(image))


def test_another_machines_key_gives_the_same_training_sets(tmp_path: Path) -> None:
    masses = Classes(positive="lesion", kinds=["mass"], negatives_per_positive=2)
    one, other = (prepare(tmp_path / name, archive(12), key=name.encode() * 11)[0].folder for name in ("one", "two"))
    for k in (2, 4, 8):
        first, second = (masses.learnt(ImageStore.open(folder), k, (2, 4, 8)) for folder in (one, other))
        np.testing.assert_array_equal(first.indices, second.indices)
        np.testing.assert_array_equal(first.labels, second.labels)
    reseeded = prepare(tmp_path / "reseeded", archive(12), replace(RECIPE, seed=2))[0]
    assert (
        masses.learnt(reseeded, 2, (2,)).indices.tolist()
        != masses.learnt(ImageStore.open(one), 2, (2,)).indices.tolist()
    )
