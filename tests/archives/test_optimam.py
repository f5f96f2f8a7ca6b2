"""The OPTIMAM reader on miniature clients: records, the index made of them, and what is left out."""

from __future__ import annotations

import importlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from mammo_gan.archives.index import build
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Acquisition, Box, Lesion, Mammogram
from mammo_gan.errors import UserError
from tests.archives.optimam_miniature import (
    HEIGHT,
    WIDTH,
    Image,
    episode,
    make_optimam,
    scanned,
    write_client,
)

pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")


def test_every_image_on_disk_becomes_a_record(tmp_path: Path) -> None:
    images = make_optimam(tmp_path)
    records, faults = scanned(tmp_path)
    assert not faults
    assert list(records) == images
    image = records["images/demd1/1.2.1/1.2.3.1.dcm"]
    assert (image.archive, image.patient, image.study) == ("optimam", "demd1", "1.2.1")
    assert (image.height, image.width, image.bits, image.mm_per_px) == (HEIGHT, WIDTH, 16, 0.07)
    assert (image.view, image.laterality, image.age, image.shows) == ("CC", "L", 57, ())
    assert image.acquisition == Acquisition(
        manufacturer="HOLOGIC, Inc.", model="Lorad Selenia", tube_current=100, magnification=1, for_presentation=True
    )
    assert image.lesions == (
        Lesion(
            number=1,
            kind="mass",
            pathology="malignant",
            box=Box(16, 12, 26, 22),
            description="mass, spiculated",
        ),
    )
    assert records["images/optm3/1.2.1/1.2.3.1.dcm"].shows == ("implant",)


def test_omidb_itself_finds_the_same_images_and_boxes(tmp_path: Path) -> None:
    """The publisher's own walk over the archive, JSON and DICOM, against ours."""
    make_optimam(tmp_path)
    (tmp_path / "images/demd1/1.2.1/1.2.3.4.dcm").write_bytes(b"")  # omidb lists absent images too
    database = importlib.import_module("omidb").DB(tmp_path / "data", tmp_path / "images")
    theirs = set()
    for client in database:
        for each in client.episodes:
            for study in each.studies:
                for image in (image for series in study.series for image in series.images):
                    corners = [(box.x1, box.y1, box.x2, box.y2) for box in (m.boundingBox for m in image.marks)]
                    theirs.add((client.id, study.id, f"{image.id}.dcm", tuple(corners)))
    ours = set()
    for record in scanned(tmp_path)[0].values():
        boxes = [lesion.box for lesion in record.lesions if lesion.box is not None]
        corners = [(box.x0, box.y0, box.x1 - 1, box.y1 - 1) for box in boxes]
        ours.add((record.patient, record.study, record.image.rpartition("/")[2], tuple(corners)))
    assert ours == theirs


def test_the_index_takes_every_image(tmp_path: Path) -> None:
    images = make_optimam(tmp_path)
    records, faults = build(OPTIMAM(), tmp_path, "disk", jobs=1)
    assert not faults
    assert [record.image for record in records] == images


@pytest.mark.parametrize("folders", [("DATA", "IMAGES"), ("data", "images"), (".", ".")])
def test_folders_go_by_either_case_and_may_be_one(tmp_path: Path, folders: tuple[str, str]) -> None:
    paths = write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1")], folders=folders)
    assert list(scanned(tmp_path)[0]) == paths


@pytest.mark.parametrize("header", [{"NumberOfFrames": 60}, {"Modality": "US"}, {"Modality": "SR", "Rows": None}])
def test_what_is_no_mammogram_is_left_out(tmp_path: Path, header: dict[str, Any]) -> None:
    images = [Image(name="1.2.3.1", header={"Modality": "MG"}), Image(name="1.2.3.2", header=header)]
    paths = write_client(tmp_path, "demd1", {"500": episode()}, images)
    records, faults = scanned(tmp_path)
    assert list(records) == paths[:1]
    assert not faults


def test_scanning_reads_no_pixels(tmp_path: Path) -> None:
    (path,) = write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1")])
    (tmp_path / path).write_bytes(b"")
    records, faults = scanned(tmp_path)
    assert list(records) == [path]
    assert not faults


def test_clients_come_one_by_one(tmp_path: Path) -> None:
    """The second client's files are read when the first one's records have been taken."""
    write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1")])
    write_client(tmp_path, "demd2", {"500": episode()}, [Image(name="1.2.3.1")])
    scan = OPTIMAM().scan(tmp_path)
    assert isinstance(next(scan), Mammogram)
    (tmp_path / "data" / "demd2" / "nbss_demd2.json").unlink()
    assert isinstance(next(scan), Fault)


def test_another_archive_or_none_has_no_images(tmp_path: Path) -> None:
    assert list(OPTIMAM().scan(tmp_path)) == []
    (tmp_path / "data" / "cases").mkdir(parents=True)
    with pytest.raises(UserError, match=r"no optimam archive.*nbss_<client>\.json.*OPTIMAM can be applied for"):
        build(OPTIMAM(), tmp_path, "disk", jobs=1)


def test_a_mask_is_refused_and_the_reader_travels(tmp_path: Path) -> None:
    images = make_optimam(tmp_path)
    record = scanned(tmp_path)[0][images[0]]
    reader = pickle.loads(pickle.dumps(OPTIMAM()))  # noqa: S301
    assert reader.pixels(tmp_path, record).shape == (HEIGHT, WIDTH)
    with pytest.raises(UserError, match="boxes and no masks"):
        reader.mask(tmp_path, record, record.lesions[0])


def test_no_identifier_of_the_header_is_kept(tmp_path: Path) -> None:
    header = {"PatientName": "Doe^Jane", "PatientID": "NHS123", "InstitutionName": "Somewhere"}
    write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1", header=header)])
    (record,) = scanned(tmp_path)[0].values()
    assert not {"Doe", "NHS123", "Somewhere"} & set(json.dumps(repr(record)).replace("'", " ").split())
