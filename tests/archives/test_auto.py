"""archive=auto on miniatures of each layout, on none and on several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mammo_gan.archives import index
from mammo_gan.archives.auto import SIGNS, Auto
from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.reader import Reader
from mammo_gan.errors import UserError
from tests.archives.cbis_miniature import make_cbis
from tests.archives.inbreast_miniature import make_inbreast
from tests.archives.miniature import make_ddsm, make_manifest, make_mias
from tests.archives.optimam_miniature import make_optimam

CONF = Path(__file__).parents[2] / "conf"
MAKERS: dict[str, Callable[[Path], list[str]]] = {
    "ddsm": make_ddsm,
    "mias": make_mias,
    "cbis": make_cbis,
    "inbreast": make_inbreast,
    "optimam": make_optimam,
    "manifest": make_manifest,
}


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(overrides=["+archive=auto"])


@pytest.fixture(scope="module")
def auto(composed: DictConfig) -> Auto:
    reader = instantiate(composed.archive.reader)
    assert isinstance(reader, Auto)
    return reader


def test_every_archive_has_signs_a_miniature_and_its_own_settings_here(composed: DictConfig) -> None:
    readers = composed.archive.reader.readers
    others = {path.stem for path in (CONF / "archive").glob("*.yaml")} - {"auto"}
    assert set(readers) == others == set(SIGNS) == set(MAKERS)
    for name in others:
        assert readers[name] == OmegaConf.load(CONF / "archive" / f"{name}.yaml").reader


@pytest.mark.parametrize("name", MAKERS)
def test_each_layout_is_recognised_and_no_other(name: str, auto: Auto, tmp_path: Path) -> None:
    MAKERS[name](tmp_path / "archive")
    assert auto.choose(tmp_path / "archive").name == name
    for other, signs in SIGNS.items():
        files = [path.relative_to(tmp_path / "archive").as_posix() for path in (tmp_path / "archive").rglob("*")]
        assert all(sign.count(files) for sign in signs) == (other == name)


@pytest.mark.parametrize("name", MAKERS)
def test_its_records_are_those_of_the_archives_own_reader(name: str, auto: Auto, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    own: Reader = auto.readers[name]
    records, faults = index.build(auto, tmp_path, "disk", jobs=1)
    assert (records, faults) == index.build(own, tmp_path, "disk", jobs=1)
    assert {record.archive for record in records} == {name}
    for record in records:
        assert (auto.pixels(tmp_path, record) == own.pixels(tmp_path, record)).all()
        for lesion in record.lesions:
            if lesion.has_mask:
                assert (auto.mask(tmp_path, record, lesion) == own.mask(tmp_path, record, lesion)).all()


def test_a_copy_in_lower_case_below_other_folders_is_recognised(auto: Auto, tmp_path: Path) -> None:
    for image in make_ddsm(tmp_path / "a" / "b"):
        path = tmp_path / "a" / "b" / image
        path.rename(path.with_name(path.name.lower()))
    assert auto.choose(tmp_path).name == "ddsm"


def test_several_archives_are_named_with_what_tells_them(auto: Auto, tmp_path: Path) -> None:
    make_ddsm(tmp_path / "DDSM")
    make_mias(tmp_path / "MIAS")
    with pytest.raises(UserError) as caught:
        auto.choose(tmp_path)
    text = str(caught.value)
    assert "ddsm (3 *.ics, 12 *.LJPEG) and of mias (1 Info.txt, 4 mdb*.pgm)" in text
    assert "archive=ddsm" in text
    assert "manifest" not in text


def test_none_says_what_was_looked_for_and_found(auto: Auto, tmp_path: Path) -> None:
    make_mias(tmp_path)
    (tmp_path / "Info.txt").unlink()
    (tmp_path / "Jane Doe.dcm").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        index.build(auto, tmp_path, "disk", jobs=1)
    text = str(caught.value)
    assert all(f"{name}: {sign.files}" in text for name, (sign, *_) in SIGNS.items())
    assert "5 files (4 .pgm, 1 .dcm), part of mias (0 Info.txt, 4 mdb*.pgm)" in text
    assert "ARCHIVE_ROOT" in text
    assert "Jane" not in text


def test_an_empty_folder_and_none_at_all_are_refused(auto: Auto, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="an empty folder"):
        list(auto.scan(tmp_path))
    with pytest.raises(UserError, match=r"no such folder.*ARCHIVE_ROOT"):
        auto.choose(tmp_path / "nowhere")


def test_signs_without_an_image_are_refused_as_by_the_archives_own_reader(auto: Auto, tmp_path: Path) -> None:
    (tmp_path / "INbreast.xls").write_bytes(b"")
    with pytest.raises(UserError, match=r"signs of inbreast.*INBREAST_ROOT"):
        index.build(auto, tmp_path, "disk", jobs=1)


def test_a_reader_under_another_name_is_refused() -> None:
    with pytest.raises(UserError, match=r"readers\.mias.*found that of ddsm"):
        Auto({"mias": DDSM()})


def test_an_image_of_an_archive_that_isnt_among_the_readers_is_refused(auto: Auto, tmp_path: Path) -> None:
    make_mias(tmp_path)
    records, _ = index.build(auto, tmp_path, "disk", jobs=1)
    with pytest.raises(UserError, match="found one of mias"):
        Auto({"ddsm": DDSM()}).pixels(tmp_path, records[0])
