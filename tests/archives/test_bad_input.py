"""Every reader on broken, empty and other archives' folders: each fault named, all that is sound read, nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from mammo_gan.archives import index, integrity, remarks
from mammo_gan.archives.auto import SIGNS, Auto
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.archives.remarks import Remark
from mammo_gan.errors import UserError
from tests.archives.breakage import Broken, make_folder, outside
from tests.archives.broken_archives import BROKEN, BROKEN_UTF_16
from tests.archives.test_auto import CONF, MAKERS

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")


def readers() -> dict[str, Reader]:
    """Every reader that conf/ offers, with its settings there."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        auto = instantiate(compose(overrides=["+archive=auto"]).archive.reader)
    assert isinstance(auto, Auto)
    return {**auto.readers, "auto": auto}


READERS = readers()


def contents(root: Path) -> dict[str, str]:
    """Every path below a root with a digest of what it holds."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            content = str(path.readlink()).encode()
        else:
            content = path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else b""
        found[path.as_posix()] = f"{path.lstat().st_mtime_ns} {hashlib.sha256(content).hexdigest()}"
    return found


@dataclass
class Indexed:
    """What became of a broken archive."""

    root: Path
    broken: Broken
    records: list[Mammogram]
    faults: list[Fault]
    odd: list[Remark]
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Indexed]:
    made: dict[str, Indexed] = {}

    def of(name: str) -> Indexed:
        if name not in made:
            archive, make = BROKEN[name]
            root = tmp_path_factory.mktemp("archive") / "root"
            broken, known = make(root), index.Known()
            before = contents(root)
            records, faults = index.build(READERS[archive], root, "disk", jobs=1, known=known)
            odd = remarks.find(records, known.readings)
            made[name] = Indexed(root, broken, records, faults, odd, before, contents(root))
        return made[name]

    return of


def text_of(fault: Fault) -> str:
    return f"{fault.problem}: expected {fault.expected}, found {fault.found}; {fault.advice}"


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_is_named_with_its_file(name: str, indexed: Callable[[str], Indexed]) -> None:
    found = indexed(name)
    assert len(found.broken.wrong) >= 15
    unnamed = [
        (wrong, [text_of(fault) for fault in found.faults if fault.file == wrong.file])
        for wrong in found.broken.wrong
        if not any(fault.file == wrong.file and re.search(wrong.says, text_of(fault)) for fault in found.faults)
    ]
    assert not unnamed
    for fault in found.faults:
        assert all((fault.problem, fault.expected, fault.found, fault.advice))
        assert str(found.root) not in fault.found.replace(f"root {found.root}", "").replace(
            str(outside(found.root)), ""
        )


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_is_sound_is_read_and_nothing_else(name: str, indexed: Callable[[str], Indexed]) -> None:
    found = indexed(name)
    assert {record.image for record in found.records} == found.broken.sound
    assert found.broken.sound
    assert {fault.file for fault in found.faults} <= {wrong.file for wrong in found.broken.wrong} | {
        fault.file for fault in found.faults if fault.problem in ("film missing", "folder instead of a file")
    }


@pytest.mark.parametrize("name", BROKEN)
def test_oddities_that_a_reader_mends_are_remarks(name: str, indexed: Callable[[str], Indexed]) -> None:
    found = indexed(name)
    assert found.broken.odd.items() <= {remark.file: remark.oddity for remark in found.odd}.items()


@pytest.mark.parametrize("name", BROKEN)
def test_the_archive_stays_as_it_is_and_nothing_in_it_runs(name: str, indexed: Callable[[str], Indexed]) -> None:
    found = indexed(name)
    assert found.after == found.before
    assert not (outside(found.root) / "canary").exists()


@pytest.mark.parametrize("name", BROKEN)
def test_auto_says_the_same(name: str, indexed: Callable[[str], Indexed]) -> None:
    found = indexed(name)
    assert index.build(READERS["auto"], found.root, "disk", jobs=1) == (found.records, found.faults)


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_goes_on_up_to_the_share_that_is_allowed(
    name: str, indexed: Callable[[str], Indexed], tmp_path: Path
) -> None:
    found = indexed(name)
    seen = len(found.records) + len(found.faults)
    share = len(found.faults) / seen
    integrity.enforce(found.faults, seen, share)
    with pytest.raises(UserError, match=f"{len(found.faults)} of {seen} files are faulty") as error:
        integrity.enforce(found.faults, seen, share - 1e-6)
    assert found.faults[0].file in str(error.value)
    integrity.write(tmp_path / "integrity.json", found.faults, seen, found.odd)
    kept = json.loads((tmp_path / "integrity.json").read_text(encoding="utf-8"))
    assert [fault["file"] for fault in kept["faults"]] == [fault.file for fault in found.faults]


def unlink(path: Path, root: Path) -> None:
    path.unlink()


def break_encoding(path: Path, root: Path) -> None:
    path.write_bytes(BROKEN_UTF_16)


def drop_header(path: Path, root: Path) -> None:
    """A table without its first row, so that none of its columns has a name."""
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


REFUSED: Mapping[str, tuple[str, str, Callable[[Path, Path], None], str]] = {
    "mias without Info.txt": ("mias", "Info.txt", unlink, r"no Info\.txt.*MIAS_ROOT"),
    "mias with a folder Info.txt": ("mias", "Info.txt", make_folder, r"no Info\.txt.*MIAS_ROOT"),
    "mias in another encoding": ("mias", "Info.txt", break_encoding, r"Info\.txt: .*UTF-16"),
    "cbis without a table": ("cbis", "calc_case_description_test_set.csv", unlink, "no calc_case.*CBIS_ROOT"),
    "cbis without columns": ("cbis", "mass_case_description_train_set.csv", drop_header, "train_set.csv: .*column"),
    "cbis in another encoding": (
        "cbis",
        "mass_case_description_test_set.csv",
        break_encoding,
        "test_set.csv: .*UTF-16",
    ),
    "inbreast without its table": ("inbreast", "INbreast.xlsx", unlink, r"no INbreast\.xls.*INBREAST_ROOT"),
    "inbreast with a folder for it": ("inbreast", "INbreast.xlsx", make_folder, r"no INbreast\.xls"),
    "inbreast with another file": ("inbreast", "INbreast.xlsx", break_encoding, r"INbreast\.xlsx: expected"),
    "manifest without its table": ("manifest", "manifest.csv", unlink, r"manifest\.csv or manifest\.parquet"),
    "manifest with a folder for it": ("manifest", "manifest.csv", make_folder, r"no table manifest\.csv"),
    "manifest without columns": ("manifest", "manifest.csv", drop_header, r"manifest\.csv: .*column"),
    "manifest in another encoding": ("manifest", "manifest.csv", break_encoding, r"manifest\.csv: .*UTF-16"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_archive_that_nothing_can_be_said_of_is_refused(what: str, tmp_path: Path) -> None:
    name, file, damage, says = REFUSED[what]
    MAKERS[name](tmp_path / "root")
    damage(tmp_path / "root" / file, tmp_path / "root")
    with pytest.raises(UserError, match=says):
        index.build(READERS[name], tmp_path / "root", "disk", jobs=1)


@pytest.mark.parametrize("name", READERS)
def test_an_empty_folder_says_what_was_looked_for(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    with pytest.raises(UserError) as error:
        index.build(reader, tmp_path, "disk", jobs=1)
    for part in (str(tmp_path), reader.root_variable, reader.layout, reader.source_of_data, "source=phantom"):
        assert part in str(error.value)
    if name == "auto":
        assert all(archive in str(error.value) for archive in SIGNS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[str]]]:
    """Each archive in miniature, sound, and its images."""
    roots = {name: tmp_path_factory.mktemp("whole") / name for name in MAKERS}
    return {name: (root, MAKERS[name](root)) for name, root in roots.items()}


@pytest.mark.parametrize("other", MAKERS)
@pytest.mark.parametrize("name", READERS)
def test_another_archives_folder_is_refused_and_auto_says_whose_it_is(
    name: str, other: str, whole: dict[str, tuple[Path, list[str]]]
) -> None:
    reader, (root, images) = READERS[name], whole[other]
    if name in (other, "auto"):
        records, faults = index.build(reader, root, "disk", jobs=1)
        assert not faults
        assert sorted(record.image for record in records) == sorted(images)
        assert {record.archive for record in records} == {other}
        return
    with pytest.raises(UserError) as error:
        index.build(reader, root, "disk", jobs=1)
    for part in (str(root), f"archive={name}", reader.root_variable, reader.layout):
        assert part in str(error.value)
