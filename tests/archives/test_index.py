"""Building an index over sound and faulty files, and keeping it as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mammo_gan.archives import index
from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.manifest import Manifest
from mammo_gan.archives.mias import MIAS
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import (
    Box,
    Density,
    Extent,
    Laterality,
    Lesion,
    LesionKind,
    Mammogram,
    Origin,
    Pathology,
    Source,
    SplitName,
    View,
)
from mammo_gan.errors import UserError
from tests.archives.miniature import make_ddsm, make_manifest, make_mias, write_manifest


def state(root: Path) -> list[tuple[str, int, int]]:
    found = [(path.as_posix(), path.lstat().st_size, path.lstat().st_mtime_ns) for path in root.rglob("*")]
    return sorted(found)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A lab's folder of ten patients: each of patients 1 to 6 has one fault."""
    make_manifest(tmp_path, patients=10)
    film = tmp_path / "images" / "p1_CC.png"
    film.write_bytes(film.read_bytes()[:-200])
    Image.fromarray(np.zeros((7, 5), np.uint8)).save(tmp_path / "masks" / "p2_CC.png")
    Image.fromarray(np.full((48, 32), 9, np.uint8)).save(tmp_path / "images" / "p3_CC.png")
    Image.fromarray(np.zeros((48, 32), np.uint8)).save(tmp_path / "masks" / "p4_CC.png")
    (tmp_path / "masks" / "p5_CC.png").write_text("no image")
    (tmp_path / "images" / "p6_CC.png").write_bytes(b"")
    return tmp_path


def test_each_faulty_file_is_named_and_the_rest_goes_on(damaged: Path) -> None:
    before = state(damaged)
    records, faults = index.build(Manifest(), damaged, "disk", jobs=1)
    assert {fault.file: fault.problem for fault in faults} == {
        "images/p1_CC.png": "truncated image",
        "images/p2_CC.png": "mask of another size",
        "images/p3_CC.png": "empty image",
        "images/p4_CC.png": "empty mask",
        "images/p5_CC.png": "unreadable mask",
        "images/p6_CC.png": "unusable row 14 of manifest.csv",
    }
    assert "truncated" in next(fault.found for fault in faults if "p1" in fault.file)
    assert not [fault for fault in faults if str(damaged) in fault.found]
    sound = {record.image for record in records}
    assert len(sound) == 14
    assert not sound & {fault.file for fault in faults}  # an image without its mask would pass for healthy
    assert state(damaged) == before  # nothing is ever written below the root


def test_the_index_does_not_depend_on_the_number_of_processes(damaged: Path) -> None:
    assert index.build(Manifest(), damaged, "disk", jobs=2) == index.build(Manifest(), damaged, "disk", jobs=1)


@pytest.mark.parametrize("touched", [0, 1, 3])
def test_a_second_run_reads_the_files_that_changed_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touched: int
) -> None:
    films = make_mias(tmp_path)
    read: list[str] = []
    pixels = MIAS.pixels

    def noted(self: MIAS, root: Path, mammogram: Mammogram) -> Any:
        read.append(mammogram.image)
        return pixels(self, root, mammogram)

    monkeypatch.setattr(MIAS, "pixels", noted)
    known = index.Known()
    first = index.build(MIAS(), tmp_path, "disk", 1, known=known)
    assert sorted(read) == films
    assert known.read_again == len(films)
    for number, film in enumerate(films[:touched]):
        os.utime(tmp_path / film, ns=(number + 1, number + 1))
    read.clear()
    assert index.build(MIAS(), tmp_path, "disk", 1, known=known) == first
    assert sorted(read) == films[:touched]
    assert known.read_again == touched


def test_a_truncated_film_of_ddsm_is_named(tmp_path: Path) -> None:
    images = make_ddsm(tmp_path)
    film = tmp_path / images[3]
    film.write_bytes(film.read_bytes()[:-50])
    records, (fault,) = index.build(DDSM(), tmp_path, "phantom", jobs=1)
    assert (fault.file, fault.problem) == (images[3], "truncated image")
    assert {record.image for record in records} == set(images) - {images[3]}
    assert {record.source for record in records} == {"phantom"}


@pytest.mark.parametrize(
    ("box", "problem"), [((30, 2, 40, 9), "box outside the image"), ((20, 2, 30, 9), "box beside its mask")]
)
def test_a_box_that_contradicts_image_or_mask_is_a_fault(tmp_path: Path, box: tuple[int, ...], problem: str) -> None:
    make_manifest(tmp_path)
    row = {"image": "images/p0_CC.png", "patient": "p0", "mask": "masks/p0_CC.png", "label": "benign"}
    write_manifest(tmp_path, [row | dict(zip(("x0", "y0", "x1", "y1"), map(str, box), strict=True))])
    records, (fault,) = index.build(Manifest(), tmp_path, "disk", jobs=1)
    assert not records
    assert fault.problem == problem


def test_a_bug_is_no_fault(tmp_path: Path) -> None:
    class Broken(Manifest):
        def pixels(self, root: Path, mammogram: Mammogram) -> Any:
            raise ZeroDivisionError

    make_manifest(tmp_path)
    with pytest.raises(ZeroDivisionError):
        index.build(Broken(), tmp_path, "disk", jobs=1)


def test_what_has_another_size_than_its_record_is_a_fault(tmp_path: Path) -> None:
    class Cropping(Manifest):
        def pixels(self, root: Path, mammogram: Mammogram) -> Any:
            return super().pixels(root, mammogram)[: -1 if mammogram.patient == "p0" else None]

        def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> Any:
            return super().mask(root, mammogram, lesion)[: -1 if mammogram.patient == "p1" else None]

    make_manifest(tmp_path)
    _, faults = index.build(Cropping(), tmp_path, "disk", jobs=1)
    assert [(fault.file, fault.problem) for fault in faults] == [
        ("images/p0_CC.png", "image of another size"),
        ("images/p0_MLO.png", "image of another size"),
        ("images/p1_CC.png", "mask of another size"),
    ]
    assert all("47 x 32" in fault.found for fault in faults)


def test_progress_sees_every_image(tmp_path: Path) -> None:
    make_manifest(tmp_path)
    seen: list[tuple[int, str]] = []

    def progress(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
        for item in items:
            seen.append((total, description))
            yield item

    records, _ = index.build(Manifest(), tmp_path, "disk", 1, progress)
    assert len(seen) == len(records) == seen[0][0] == 6


@pytest.mark.parametrize("reader", [DDSM(), MIAS(), Manifest()], ids=lambda reader: str(reader.name))
@pytest.mark.parametrize("case", ["missing", "empty", "other files"])
def test_without_an_archive_the_error_says_how_to_go_on(tmp_path: Path, reader: Reader, case: str) -> None:
    root = tmp_path / "root"
    if case != "missing":
        root.mkdir()
    if case == "other files":
        (root / "holiday.jpg").write_text("")
    with pytest.raises(UserError) as error:
        index.build(reader, root, "disk", jobs=1)
    for part in (str(root), reader.root_variable, reader.layout, reader.source_of_data, "source=phantom"):
        assert part in str(error.value)


NAMES = st.text(max_size=8)
BOXES = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.integers(0, 5000)] * 2, *[st.integers(1, 5000)] * 2)
LESIONS = st.builds(
    Lesion,
    number=st.integers(0, 9),
    kind=st.sampled_from(get_args(LesionKind)),
    pathology=st.sampled_from(get_args(Pathology)),
    box=st.none() | BOXES,
    description=NAMES,
    assessment=st.none() | st.integers(0, 6),
    has_mask=st.booleans(),
)
ORIGINS = st.builds(
    Origin,
    generator=NAMES,
    parent=NAMES,
    mask_parent=NAMES,
    trained_on=st.sampled_from(get_args(SplitName)),
    seed=st.integers(0, 2**63 - 1),
)
MAMMOGRAMS = st.builds(
    Mammogram,
    archive=NAMES,
    source=st.sampled_from(get_args(Source)),
    image=NAMES,
    patient=NAMES,
    height=st.integers(1, 9000),
    width=st.integers(1, 9000),
    bits=st.sampled_from([8, 16]),
    view=st.none() | st.sampled_from(get_args(View)),
    laterality=st.none() | st.sampled_from(get_args(Laterality)),
    density=st.none() | st.sampled_from(get_args(Density)),
    tissue=st.none() | NAMES,
    scanner=st.none() | NAMES,
    age=st.none() | st.integers(1, 120),
    mm_per_px=st.none() | st.floats(0.001, 10),
    lesions=st.lists(LESIONS, max_size=3).map(tuple),
    extent=st.sampled_from(get_args(Extent)),
    split=st.none() | st.sampled_from(get_args(SplitName)),
    origin=st.none() | ORIGINS,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(MAMMOGRAMS, max_size=4))
def test_records_survive_the_file_unchanged(tmp_path: Path, records: list[Mammogram]) -> None:
    index.write(tmp_path / "index.parquet", records)
    assert index.read(tmp_path / "index.parquet") == records


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no"])
def test_an_unreadable_index_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "index.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"index\.parquet: expected an index"):
        index.read(tmp_path / "index.parquet")


def test_the_fingerprint_changes_with_every_file_and_with_nothing_else(tmp_path: Path) -> None:
    make_mias(tmp_path, size=32)
    first = index.fingerprint(tmp_path)
    assert index.fingerprint(tmp_path) == first
    film = tmp_path / "mdb001.pgm"
    seen = {first}
    os.utime(film, ns=(0, 1))
    seen.add(index.fingerprint(tmp_path))
    film.write_bytes(film.read_bytes() + b"0")
    os.utime(film, ns=(0, 1))
    seen.add(index.fingerprint(tmp_path))
    film.rename(tmp_path / "mdb009.pgm")
    seen.add(index.fingerprint(tmp_path))
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    seen.add(index.fingerprint(tmp_path))
    assert len(seen) == 5
