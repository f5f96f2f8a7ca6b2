"""The OPTIMAM reader on miniature clients: records, boxes against pictures, and files that are missing or wrong."""

from __future__ import annotations

import importlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_gan.archives.index import build
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Acquisition, Box, Lesion, Mammogram, Pathology
from mammo_gan.errors import UserError
from tests.archives.optimam_miniature import HEIGHT, WIDTH, Image, episode, make_optimam, mark, write_client


@pytest.fixture(autouse=True)
def omidb() -> None:
    pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")


def scanned(root: Path, reader: OPTIMAM | None = None) -> tuple[dict[str, Mammogram], list[Fault]]:
    found = list((reader or OPTIMAM()).scan(root))
    records = {record.image: record for record in found if isinstance(record, Mammogram)}
    return records, [fault for fault in found if isinstance(fault, Fault)]


def lesions(root: Path, nbss: dict[str, Any], *images: Image) -> list[tuple[Lesion, ...]]:
    """The lesions of one client's images."""
    paths = write_client(root, "demd1", nbss, images)
    records, faults = scanned(root)
    assert not faults
    return [records[path].lesions for path in paths]


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


@pytest.mark.parametrize("header", [{"NumberOfFrames": 60}, {"Modality": "US"}, {"Modality": "SR", "Rows": None}])
def test_what_is_no_mammogram_is_left_out(tmp_path: Path, header: dict[str, Any]) -> None:
    images = [Image(name="1.2.3.1", header={"Modality": "MG"}), Image(name="1.2.3.2", header=header)]
    paths = write_client(tmp_path, "demd1", {"500": episode()}, images)
    records, faults = scanned(tmp_path)
    assert list(records) == paths[:1]
    assert not faults


def test_a_study_of_no_episode_is_kept_and_could_hold_anything(tmp_path: Path) -> None:
    lost = [
        Image(name="1.2.3.1", episode=None, study="1.2.9"),
        Image(name="1.2.3.2", episode="777", side="R", marks=[mark(1, 1, 5, 5)]),
    ]
    nbss = {"500": {**episode({"L": "OM"}), "SCREENING": {"L": {"DateTaken": "2001-01-01"}}}}
    first, second = lesions(tmp_path, nbss, *lost)
    assert [(lesion.pathology, lesion.box) for lesion in first] == [("unknown", None)]
    assert [(lesion.pathology, lesion.box) for lesion in second] == [("unknown", Box(1, 1, 6, 6))]


def broken(root: Path, what: str) -> None:
    client = root / "data" / "demd1"
    if what == "no nbss":
        (client / "nbss_demd1.json").unlink()
    elif what == "no imagedb":
        (client / "imagedb_demd1.json").unlink()
    elif what == "broken JSON":
        (client / "nbss_demd1.json").write_text('{"500": ')
    elif what == "a list":
        (client / "imagedb_demd1.json").write_text("[]")
    elif what == "no studies":
        (client / "imagedb_demd1.json").write_text("{}")
    elif what == "events of another kind":
        (client / "nbss_demd1.json").write_text('{"500": {"SCREENING": "yes"}}')
    elif what == "lesions of another kind":
        (client / "nbss_demd1.json").write_text('{"500": {"LESION": {"L": [1], "R": 3}}}')
    elif what == "a study of another kind":
        (client / "imagedb_demd1.json").write_text('{"STUDIES": {"1.2.1": 3}}')
    elif what == "a path":
        content = (client / "imagedb_demd1.json").read_text()
        (client / "imagedb_demd1.json").write_text(content.replace('"1.2.1"', '"../../../etc"'))
    elif what == "a mark without corner":
        content = (client / "imagedb_demd1.json").read_text()
        (client / "imagedb_demd1.json").write_text(content.replace('"X1"', '"X9"'))
    elif what == "broken header":
        (client / "1.2.1" / "1.2.3.1.json").write_text("{")
    elif what == "no size":
        (client / "1.2.1" / "1.2.3.1.json").write_text("{}")
    elif what == "no DICOM":
        (client / "1.2.1" / "1.2.3.1.json").unlink()
        (root / "images" / "demd1" / "1.2.1" / "1.2.3.1.dcm").write_bytes(b"nothing")


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("no nbss", "data/demd1"),
        ("no imagedb", "data/demd1"),
        ("broken JSON", "data/demd1"),
        ("a list", "data/demd1"),
        ("no studies", "data/demd1"),
        ("events of another kind", "data/demd1"),
        ("lesions of another kind", "data/demd1"),
        ("a study of another kind", "data/demd1"),
        ("a path", "data/demd1"),
        ("a mark without corner", "images/demd1/1.2.1/1.2.3.1.dcm"),
        ("broken header", "images/demd1/1.2.1/1.2.3.1.dcm"),
        ("no size", "images/demd1/1.2.1/1.2.3.1.dcm"),
        ("no DICOM", "images/demd1/1.2.1/1.2.3.1.dcm"),
    ],
)
def test_a_fault_costs_its_client_or_image_and_no_other(
    tmp_path: Path, what: str, where: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write_client(tmp_path, "demd1", {"500": episode()}, [Image(name="1.2.3.1", marks=[mark(1, 1, 5, 5)])])
    write_client(tmp_path, "demd2", {"500": episode()}, [Image(name="1.2.3.1")])
    broken(tmp_path, what)
    records, (fault,) = scanned(tmp_path)
    assert [record.patient for record in records.values()] == ["demd2"]
    assert fault.file == where
    assert str(tmp_path) not in fault.found
    assert "demd" not in capfd.readouterr().err  # omidb would log the client's name


def test_a_marked_image_that_cant_be_read_holds_for_the_others_all_the_same(tmp_path: Path) -> None:
    images = [Image(name="1.2.3.1", marks=[mark(1, 1, 5, 5)]), Image(name="1.2.3.2")]
    write_client(tmp_path, "demd1", {"500": episode()}, images)
    broken(tmp_path, "broken header")
    (record,) = scanned(tmp_path)[0].values()
    assert [lesion.box for lesion in record.lesions] == [None]


def test_a_fault_quotes_nothing_from_a_clients_files(tmp_path: Path) -> None:
    nbss = {"500": {**episode(), "EpisodeOpenedDate": "13 May 1951"}}
    write_client(tmp_path, "demd1", nbss, [Image(name="1.2.3.1")])
    _, (fault,) = scanned(tmp_path)
    assert "ValueError" in fault.found
    assert "1951" not in fault.found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["20120301", "OM", "B5", "1,2"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["L", "R", "1", "1.2.1", "1.3.0", "SURGERY"]), inner)
    ),
    max_leaves=6,
)


@given(
    data=st.data(),
    file=st.sampled_from(["nbss_demd1.json", "imagedb_demd1.json", "1.2.1/1.2.3.1.json"]),
    replacement=JSON,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_gives_records_or_faults(tmp_path: Path, data: st.DataObject, file: str, replacement: Any) -> None:
    """Something in one of a client's files, wherever in it, is replaced by something else."""
    marks = [mark(1, 1, 5, 5, Mass=1)]
    biopsied = episode({"L": "OM"}, {"L": {"1": {"Opinion": "B5"}}, "R": {"1": {"Opinion": "B2"}}})
    write_client(tmp_path, "demd1", {"500": biopsied}, [Image(name="1.2.3.1", marks=marks)])
    path = tmp_path / "data" / "demd1" / file
    content: Any = {"": json.loads(path.read_text())}
    place, key = content, ""
    while isinstance(place[key], dict) and place[key] and data.draw(st.integers(0, 4)):
        place, key = place[key], data.draw(st.sampled_from(sorted(place[key])))
    place[key] = replacement
    path.write_text(json.dumps(content[""]))
    assert all(isinstance(found, Mammogram | Fault) for found in OPTIMAM().scan(tmp_path))


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
