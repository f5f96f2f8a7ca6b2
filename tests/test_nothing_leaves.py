"""No file outside its folder is read, whatever an index, a table or a link names: whole as it is, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mammo_gan.archives import index
from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.mias import MIAS
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Lesion, Mammogram
from mammo_gan.errors import UserError
from mammo_gan.synthesis.reading import SyntheticSet
from tests.archives.miniature import make_ddsm, make_manifest, make_mias

MAKERS: dict[str, tuple[Reader, Callable[[Path], list[str]]]] = {
    "ddsm": (DDSM(), make_ddsm),
    "mias": (MIAS(), make_mias),
    "manifest": (Manifest(), make_manifest),
}
OUTSIDE = ["../secret.png", "images/../../secret.png", "/etc/hostname"]


@pytest.mark.parametrize("image", OUTSIDE)
@pytest.mark.parametrize("archive", MAKERS)
def test_an_index_that_names_files_outside_its_archive(tmp_path: Path, archive: str, image: str) -> None:
    reader, make = MAKERS[archive]
    first = make(tmp_path / "archive")[0]
    record = next(found for found in reader.scan(tmp_path / "archive") if isinstance(found, Mammogram))
    (tmp_path / "secret.png").write_bytes((tmp_path / "archive" / first).read_bytes())
    with pytest.raises(UserError, match="within the archive's root"):
        reader.pixels(tmp_path / "archive", replace(record, image=image))


def test_an_index_that_names_an_overlay_outside_its_archive(tmp_path: Path) -> None:
    make_ddsm(tmp_path / "archive", patients=1)
    record = next(found for found in DDSM().scan(tmp_path / "archive") if isinstance(found, Mammogram))
    overlay = (tmp_path / "archive" / record.image).with_suffix(".OVERLAY")
    overlay.rename(tmp_path / "secret.OVERLAY")
    lesion = Lesion(number=1, kind="mass", pathology="malignant", box=None, has_mask=True)
    with pytest.raises(UserError, match="within the archive's root"):
        DDSM().mask(tmp_path / "archive", replace(record, image="../secret.LJPEG"), lesion)


@pytest.mark.parametrize("ending", [".ics", ".OVERLAY", ".LJPEG"])
def test_a_link_that_leads_out_of_an_archive(tmp_path: Path, ending: str) -> None:
    root = tmp_path / "archive"
    make_ddsm(root, patients=1)
    file = sorted(root.rglob(f"*{ending}"))[0]
    file.rename(tmp_path / "secret")
    file.symlink_to(tmp_path / "secret")
    records, faults = index.build(DDSM(), root, "disk", jobs=1)
    said = [fault.found for fault in faults]
    assert any("within the archive's root" in text for text in said), said
    assert not any(root / record.image == file for record in records)


def test_a_film_is_named_after_its_case_whatever_the_description_says(tmp_path: Path) -> None:
    make_ddsm(tmp_path / "archive", patients=1)
    (description,) = (tmp_path / "archive").rglob("*.ics")
    text = description.read_text().replace("LEFT_CC LINES", "LEFT_CC/../../../secret LINES")
    description.write_text(text.replace("filename B-1001-1", "filename ../../B-1001-1"))
    for found in DDSM().scan(tmp_path / "archive"):
        assert ".." not in (found.file if isinstance(found, Fault) else found.image)


@pytest.mark.parametrize("table", ["../manifest.csv", "/etc/hostname"])
def test_a_table_outside_its_archive(tmp_path: Path, table: str) -> None:
    make_manifest(tmp_path / "archive")
    (tmp_path / "archive" / "manifest.csv").rename(tmp_path / "manifest.csv")
    with pytest.raises(UserError, match="within the archive's root"):
        list(Manifest(table).scan(tmp_path / "archive"))


@pytest.mark.parametrize("image", OUTSIDE)
def test_a_synthetic_index_that_names_files_outside_its_folder(tmp_path: Path, image: str) -> None:
    make_manifest(tmp_path / "set")
    (tmp_path / "secret.png").write_bytes((tmp_path / "set" / "images" / "p0_CC.png").read_bytes())
    record = next(found for found in Manifest().scan(tmp_path / "set") if isinstance(found, Mammogram))
    index.write(tmp_path / "set" / "records.parquet", [replace(record, source="synthetic", image=image)])
    for read in (SyntheticSet(tmp_path / "set").image, SyntheticSet(tmp_path / "set").mask):
        with pytest.raises(UserError, match="within the archive's root"):
            read(0)
