from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.records import Box, Mammogram
from mammo_gan.data.batches import MALIGNANT
from mammo_gan.data.store import PatchStore
from mammo_gan.errors import UserError
from mammo_gan.synthesis.exchange import Exchange, plan_examples, plan_exchange
from mammo_gan.synthesis.infill import Infilled, infill
from mammo_gan.synthesis.reading import SyntheticSet
from mammo_gan.synthesis.writing import write_examples, write_set
from tests.synthesis.small_store import PaintByClass, small_store


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return small_store(tmp_path / "store")


@pytest.fixture
def written(tmp_path: Path, store: PatchStore) -> tuple[Path, list[Mammogram]]:
    exchanges = plan_exchange(store, split="train", malignant=None, non_malignant=None, seed=0)
    patches = infill(PaintByClass(), store, exchanges, batch_size=4, device="cpu")
    folder = tmp_path / "set"
    return folder, write_set(folder, patches, store, archive="ddsm", generator="f" * 64, trained_on="train")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_records_say_where_a_patch_comes_from(written: tuple[Path, list[Mammogram]], store: PatchStore) -> None:
    folder, records = written
    assert index.read(folder / "records.parquet") == records
    table = {row["image"]: row for row in rows(folder / "exchanges.csv")}
    for record in records:
        exchange = table[record.image]
        parent, lender = store.rows[int(exchange["parent"])], store.rows[int(exchange["mask_parent"])]
        assert (record.source, record.extent, record.bits, record.split) == ("synthetic", "patch", 8, "train")
        assert (record.height, record.width, record.mm_per_px) == (16, 16, 0.2)
        assert (record.patient, record.view, record.density) == (parent.patient_key, parent.view, parent.density)
        assert record.origin is not None
        assert record.origin.parent == parent.image_key
        assert record.origin.mask_parent == lender.image_key
        assert record.origin.seed == int(exchange["seed"])
        assert (record.origin.generator, record.origin.trained_on) == ("f" * 64, "train")


def test_only_malignant_patches_have_a_lesion(written: tuple[Path, list[Mammogram]], store: PatchStore) -> None:
    folder, records = written
    manifest = rows(folder / "manifest.csv")
    for record, line, exchange in zip(records, manifest, rows(folder / "exchanges.csv"), strict=True):
        assert line["image"] == record.image
        assert line["extent"] == "patch"
        if int(exchange["label"]) == MALIGNANT:
            (lesion,) = record.lesions
            lender = store.rows[int(exchange["mask_parent"])]
            assert lesion.box is not None
            assert (lesion.box.x0, lesion.box.y0, lesion.box.x1, lesion.box.y1) == lender.lesion_box
            assert (lesion.kind, lesion.pathology, lesion.has_mask) == ("mass", "malignant", True)
            assert (line["label"], line["kind"]) == ("malignant", "mass")
            assert (folder / line["mask"]).is_file()
        else:
            assert record.lesions == ()
            assert line["mask"] == ""


def test_files_are_8_bit_png_named_by_numbers(written: tuple[Path, list[Mammogram]]) -> None:
    folder, records = written
    assert sorted(path.name for path in (folder / "images").iterdir()) == [f"{k:06d}.png" for k in range(8)]
    with Image.open(folder / records[0].image) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (16, 16))


def test_a_set_reads_as_it_was_made(tmp_path: Path, store: PatchStore) -> None:
    exchanges = plan_exchange(store, split="train", malignant=3, non_malignant=3, seed=0)
    patches = list(infill(PaintByClass(), store, exchanges, batch_size=4, device="cpu"))
    write_set(tmp_path / "set", patches, store, archive="ddsm", generator="0", trained_on="train")
    found = SyntheticSet(tmp_path / "set")
    assert len(found) == 6
    for k, patch in enumerate(patches):
        assert found.label(k) == patch.exchange.label
        np.testing.assert_array_equal(found.mask(k), patch.mask)
        np.testing.assert_allclose(found.image(k), patch.image, atol=0.5 / 255 + 1e-6)
        assert found.image(k).dtype == np.float32


def test_boxes_are_half_open(tmp_path: Path, store: PatchStore) -> None:
    corner = np.zeros((16, 16), bool)
    corner[0, 15] = True
    exchange = Exchange(parent=3, mask_parent=0, label=MALIGNANT, seed=0)
    image = np.zeros((16, 16), np.float32)
    patch = Infilled(exchange, image, image, corner, image)
    (record,) = write_set(tmp_path, [patch], store, archive="ddsm", generator="0", trained_on="train")
    assert record.lesions[0].box == Box(15, 0, 16, 1)


def test_examples_are_numbered_with_their_direction(tmp_path: Path, store: PatchStore) -> None:
    plan = plan_examples(store, contexts=("test",), masks="train", count=2, seed=0)
    patches = list(infill(PaintByClass(), store, plan, batch_size=4, device="cpu"))
    write_examples(tmp_path, patches, store)
    described = json.loads((tmp_path / "examples.json").read_text())
    assert [example["direction"] for example in described] == ["malignant->non-malignant"] * 2 + [
        "non-malignant->malignant"
    ] * 2
    for example, patch in zip(described, patches, strict=True):
        assert example["context_split"] == "test"
        shown: dict[str, np.ndarray] = {
            "original": patch.original,
            "input": patch.corrupted,
            "synthetic": patch.image,
            "mask": patch.mask,
        }
        for what, picture in shown.items():
            with Image.open(tmp_path / f"{example['name']}_{what}.png") as image:
                np.testing.assert_allclose(np.asarray(image) / 255, picture, atol=0.5 / 255 + 1e-6)


def test_a_set_of_real_images_is_refused(tmp_path: Path, written: tuple[Path, list[Mammogram]]) -> None:
    _, records = written
    index.write(tmp_path / "records.parquet", [replace(records[0], source="disk")])
    with pytest.raises(UserError, match="source=disk"):
        SyntheticSet(tmp_path)


def test_archive_manifest_reads_the_folder(written: tuple[Path, list[Mammogram]]) -> None:
    folder, records = written
    reader = Manifest()
    scanned = list(reader.scan(folder))
    assert [found for found in scanned if isinstance(found, Fault)] == []
    for found, record in zip(scanned, records, strict=True):
        assert isinstance(found, Mammogram)
        for field in ("image", "patient", "height", "width", "bits", "view", "laterality", "density", "mm_per_px"):
            assert getattr(found, field) == getattr(record, field)
        assert (found.extent, found.split) == (record.extent, record.split)
        assert [(x.kind, x.pathology) for x in found.lesions] == [(x.kind, x.pathology) for x in record.lesions]
        for lesion in found.lesions:
            expected = SyntheticSet(folder).mask(records.index(record))
            np.testing.assert_array_equal(reader.mask(folder, found, lesion), expected)
