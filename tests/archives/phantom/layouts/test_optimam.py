"""A phantom in OPTIMAM's layout: read back by our reader and by omidb, and each of its oddities found in the files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from mammo_gan.archives.auto import Auto
from mammo_gan.archives.index import build
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.layouts.optimam import OPTIMAMLayout
from mammo_gan.archives.phantom.mammogram import PhantomFilm, draw_film
from mammo_gan.archives.phantom.patient import DENSITIES, OUTCOMES, Patient, draw_patient
from mammo_gan.archives.records import Box, Mammogram

HEIGHT, WIDTH, SEED, PATIENTS = 128, 70, 1, 12


@pytest.fixture(autouse=True)
def omidb() -> Any:
    return pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "optimam"
    PhantomArchive(OPTIMAMLayout())(folder, PATIENTS, HEIGHT, WIDTH, "lumisys", SEED)
    return folder


@pytest.fixture(scope="module")
def records(root: Path) -> list[Mammogram]:
    found, faults = build(OPTIMAM(), root, "phantom", jobs=1)
    assert not faults
    return found


def patient_of(client: str) -> Patient:
    return draw_patient(int(client[-4:]), SEED, OUTCOMES, DENSITIES, 0.6)


def drawn(record: Mammogram) -> tuple[Patient, PhantomFilm]:
    patient = patient_of(record.patient)
    assert record.laterality is not None
    assert record.view is not None
    return patient, draw_film(patient, record.laterality, record.view, Grid(HEIGHT, WIDTH), SEED)


def extent(mask: np.ndarray) -> Box:
    rows, columns = np.nonzero(mask)
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def marks(root: Path) -> list[dict[str, Any]]:
    """All marks as they stand in the imagedb files."""
    found = []
    for file in (root / "data").glob("*/*"):
        if file.is_file() and file.name.lower().startswith("imagedb"):
            for study in json.loads(file.read_text())["STUDIES"].values():
                images = [image for series in study.values() if isinstance(series, dict) for image in series.values()]
                found += [mark for image in images if image for mark in image.values()]
    return found


def test_the_reader_of_optimam_reads_what_was_drawn(root: Path, records: list[Mammogram]) -> None:
    assert len(records) == 4 * PATIENTS
    for record in records:
        patient, film = drawn(record)
        assert (record.height, record.width, record.age) == (HEIGHT, WIDTH, patient.age)
        assert record.mm_per_px == pytest.approx(240 / HEIGHT)
        assert record.shows == ()
        pixels = OPTIMAM().pixels(root, record).astype(int)
        assert not pixels[~film.breast].any()
        assert (pixels[film.breast] > 0).all()
        assert np.abs(pixels - film.intensity)[film.breast].max() <= 17  # 16 levels of film to one of 12 bits
        assert bool(record.lesions) == (film.lesion is not None)
        for lesion in record.lesions:
            assert film.lesion is not None
            assert lesion.pathology == patient.outcome
            assert not lesion.has_mask
            if lesion.box is not None:
                assert patient.finding is not None
                assert (lesion.box, lesion.kind) == (extent(film.lesion), patient.finding.kind)


def test_four_images_of_each_client_and_healthy_ones_among_them(records: list[Mammogram]) -> None:
    images: dict[str, set[tuple[str | None, str | None]]] = {}
    for record in records:
        images.setdefault(record.patient, set()).add((record.laterality, record.view))
    assert list(images.values()) == [{(side, view) for side in "LR" for view in ("CC", "MLO")}] * PATIENTS
    assert {name[:11] for name in images} == {"demdphantom", "optmphantom"}
    healthy = {record.patient for record in records} - {record.patient for record in records if record.lesions}
    assert healthy == {client for client in images if patient_of(client).outcome == "normal"}
    assert healthy
    assert {lesion.pathology for record in records for lesion in record.lesions} == {"benign", "malignant"}


def test_omidb_itself_finds_clients_images_and_marks(root: Path, records: list[Mammogram], omidb: Any) -> None:
    importlib.import_module("loguru").logger.disable("omidb")
    status = {"normal": "N", "benign": "B"}
    theirs = set()
    for client in omidb.DB(root / "data", root / "images", ignore_missing_images=False):
        outcome = patient_of(client.id).outcome
        assert client.status.name in ({status[outcome]} if outcome in status else {"M", "CI"})
        (episode,) = client.episodes
        (study,) = episode.studies
        for image in (image for series in study.series for image in series.images):
            assert image.attributes["00100020"]["Value"] == [client.id]
            assert image.dcm.pixel_array.shape == (HEIGHT, WIDTH)
            boxes = [mark.boundingBox for mark in image.marks]
            corners = [(b.x1, min(b.y1, b.y2), b.x2, max(b.y1, b.y2)) for b in boxes]
            assert all(mark.conspicuity is not None for mark in image.marks)
            theirs.add((client.id, f"images/{client.id}/{study.id}/{image.id}.dcm", tuple(corners)))
    ours = set()
    for record in records:
        boxes = [lesion.box for lesion in record.lesions if lesion.box is not None]
        ours.add((record.patient, record.image, tuple((b.x0, b.y0, b.x1 - 1, b.y1 - 1) for b in boxes)))
    assert theirs == ours


def test_files_are_spelled_in_several_ways(root: Path) -> None:
    names = [file.name for file in (root / "data").rglob("*.json")]
    kinds = {name.partition("_")[0] for name in names if "_" in name}
    assert kinds == {"nbss", "NBSS", "imagedb", "IMAGEDB"}
    assert {name.endswith(".dcm.json") for name in names if "_" not in name} == {True, False}


def test_two_devices_pack_their_images_in_two_ways(root: Path, records: list[Mammogram]) -> None:
    packed, currents = set(), set()
    for record in records:
        header = pydicom.dcmread(root / record.image, stop_before_pixels=True)
        packed.add((header.ManufacturerModelName, header.file_meta.TransferSyntaxUID.is_compressed))
        assert record.acquisition is not None
        assert record.acquisition.manufacturer == "HOLOGIC, Inc."
        assert record.acquisition.for_presentation
        assert record.acquisition.magnification == 1
        currents.add((record.acquisition.model, record.acquisition.tube_current))
        assert (header.BitsStored, header.PresentationIntentType) == (12, "FOR PRESENTATION")
        assert header.BodyPartThickness == round(patient_of(record.patient).thickness)
    assert packed == {("Lorad Selenia", False), ("Selenia Dimensions", True)}
    assert currents == {("Lorad Selenia", 100.0), ("Lorad Selenia", 80.0), ("Selenia Dimensions", 140.0)}


def test_what_is_marked_on_one_view_alone_is_no_healthy_tissue_on_the_other(records: list[Mammogram]) -> None:
    unplaced = [record for record in records for lesion in record.lesions if lesion.box is None]
    assert unplaced
    for record in unplaced:
        assert record.view == "MLO"
        (other,) = (
            each
            for each in records
            if (each.patient, each.laterality, each.view) == (record.patient, record.laterality, "CC")
        )
        assert [lesion.box is not None for lesion in other.lesions] == [True]


def test_marks_have_their_oddities(root: Path) -> None:
    found = marks(root)
    assert {int(mark["Y1"]) > int(mark["Y2"]) for mark in found} == {True, False}
    assert {mark["LinkedNBSSLesionNumber"] for mark in found} == {"1", "UNLINKED"}
    assert {
        kind for mark in found for kind in ("Mass", "SuspiciousCalcifications", "OtherBenignCluster") if kind in mark
    }


def test_some_cancers_are_found_between_screenings(root: Path, records: list[Mammogram]) -> None:
    files = [file for file in (root / "data").glob("*/*.json") if file.name.lower().startswith("nbss")]
    interval = {file.parent.name for file in files if json.loads(file.read_text())["500001"]["EpisodeType"] == "CI"}
    assert interval
    assert {lesion.pathology for record in records if record.patient in interval for lesion in record.lesions} == {
        "malignant"
    }


def test_nothing_in_a_header_could_be_a_persons(root: Path, records: list[Mammogram]) -> None:
    names, uids = set(), []
    for record in records:
        header = pydicom.dcmread(root / record.image, stop_before_pixels=True)
        names.add((str(header.PatientName), header.PatientID))
        uids += [header.SOPInstanceUID]
        assert header.PatientIdentityRemoved == "YES"
        assert header.QualityControlImage == "YES"
        told = {element.keyword for element in header if element.VR in ("PN", "LO", "SH", "DA", "TM", "DT", "LT", "ST")}
        assert told == {"PatientName", "PatientID", "StudyDate", "Manufacturer", "ManufacturerModelName"}
        assert header.StudyDate == "20000101"
    numbers = range(1, PATIENTS + 1)
    assert {name for name, _ in names} == {f"PHANTOM^{number:04d}" for number in numbers}
    assert all("phantom" in client for _, client in names)
    assert len(set(uids)) == len(uids)
    assert all(value.startswith("2.25.") for value in uids)


def test_the_smallest_archive_is_whole(tmp_path: Path) -> None:
    PhantomArchive(OPTIMAMLayout())(tmp_path / "optimam", 1, 64, 35, "lumisys", SEED)
    found, faults = build(OPTIMAM(), tmp_path / "optimam", "phantom", jobs=1)
    assert not faults
    assert len(found) == 4


def test_the_archive_is_recognised(root: Path) -> None:
    assert isinstance(Auto({"optimam": OPTIMAM()}).choose(root), OPTIMAM)
