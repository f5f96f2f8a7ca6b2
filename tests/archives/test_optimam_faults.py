"""OPTIMAM's files missing, broken or of another kind: each costs its client or its image, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Mammogram
from tests.archives.optimam_miniature import Image, episode, mark, scanned, write_client

pytest.importorskip("omidb", reason="OPTIMAM's JSON is parsed by omidb: pip install 'mammo-gan[optimam]'")


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
