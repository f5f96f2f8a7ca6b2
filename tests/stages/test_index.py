"""The index stage on archives with real faults: each is named, and too many stop the run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mammo_gan.archives import index
from mammo_gan.errors import UserError
from mammo_gan.stages import index as stage
from tests.archives.miniature import make_ddsm, make_manifest
from tests.stages.running import Ran, run


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def index_of(output: Path, root: Path, *overrides: str) -> Ran:
    return run(output, "stages=[index]", f"archive.root={root}", *overrides)


def test_faults_are_named_on_screen_and_in_json_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    truncated, _, unreadable = make_ddsm(root, patients=3)[::4]
    film = (root / truncated).read_bytes()
    (root / truncated).write_bytes(film[: len(film) // 2])
    (root / unreadable).with_suffix(".OVERLAY").write_text("ABNORMALITY one\n", encoding="ascii")
    before = contents(root)
    ran = index_of(tmp_path / "out", root, "archive.max_faulty_share=0.5")
    found = json.loads((ran.folders["index"] / stage.INTEGRITY).read_text(encoding="utf-8"))
    assert sorted(fault["file"] for fault in found["faults"]) == sorted(
        [truncated, unreadable.replace("LJPEG", "OVERLAY")]
    )
    for fault in found["faults"]:
        assert fault["file"] in ran.screen
        assert all(fault[part] for part in ("problem", "expected", "found", "advice"))
    assert len(index.read(ran.folders["index"] / stage.RECORDS)) == 10
    assert contents(root) == before


def test_too_many_faults_stop_the_run_and_are_kept_for_reading(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    first = make_ddsm(root)[0]
    (root / first).write_bytes(b"")
    with pytest.raises(UserError, match=r"max_faulty_share=0.01"):
        index_of(tmp_path / "out", root)
    kept = list((tmp_path / "out").rglob(stage.INTEGRITY))
    assert len(kept) == 1
    assert not list((tmp_path / "out").rglob(stage.RECORDS))


def test_a_mask_of_another_size_is_a_fault(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    make_manifest(root)
    shutil.copy(root / "images" / "p0_CC.png", root / "masks" / "p1_CC.png")
    make_manifest(tmp_path / "larger", height=96)
    shutil.copy(tmp_path / "larger" / "masks" / "p0_CC.png", root / "masks" / "p0_CC.png")
    ran = index_of(tmp_path / "out", root, "archive=manifest", "archive.max_faulty_share=0.9")
    found = json.loads((ran.folders["index"] / stage.INTEGRITY).read_text(encoding="utf-8"))
    assert {Path(fault["file"]).name for fault in found["faults"]} == {"p0_CC.png", "p1_CC.png"}


@pytest.mark.parametrize("make", ["missing", "empty", "another"])
def test_what_is_no_archive_says_what_was_looked_for(tmp_path: Path, make: str) -> None:
    root = tmp_path / "archive"
    if make != "missing":
        root.mkdir()
    if make == "another":
        make_manifest(root / "labs")
    with pytest.raises(UserError) as caught:
        index_of(tmp_path / "out", root)
    for said in ("DDSM_ROOT", "archive.root", "source=phantom", ".ics"):
        assert said in str(caught.value)


def test_results_may_be_moved_with_their_phantom(tmp_path: Path) -> None:
    run(tmp_path / "out", "source=phantom", "stages=[index]")
    (tmp_path / "out").rename(tmp_path / "moved")
    ran = run(tmp_path / "moved", "source=phantom", "stages=[index,prepare/patches]")
    assert "index: already there" in ran.screen


def test_an_archive_that_changed_is_indexed_anew_and_one_that_did_not_is_not(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    make_ddsm(root, patients=2)
    first = index_of(tmp_path / "out", root)
    assert "already there" in index_of(tmp_path / "out", root).screen
    make_ddsm(tmp_path / "more", patients=3)
    shutil.copytree(tmp_path / "more", root, dirs_exist_ok=True)
    assert index_of(tmp_path / "out", root).folders["index"] != first.folders["index"]


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    films = make_ddsm(root, patients=3)
    first = index_of(tmp_path / "out", root)
    os.utime(root / films[1], ns=(10**18, 10**18))
    second = index_of(tmp_path / "out", root)
    assert second.folders["index"] != first.folders["index"]
    assert f"; 1 were read, {len(films) - 1} are as they were" in second.screen
    assert index.read(second.folders["index"] / stage.RECORDS) == index.read(first.folders["index"] / stage.RECORDS)


def test_a_film_that_broke_is_found_and_one_that_was_mended_too(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    films = make_ddsm(root, patients=3)
    index_of(tmp_path / "out", root)
    film = (root / films[0]).read_bytes()
    (root / films[0]).write_bytes(film[: len(film) // 2])
    broken = index_of(tmp_path / "out", root, "archive.max_faulty_share=0.5")
    assert len(index.read(broken.folders["index"] / stage.RECORDS)) == len(films) - 1
    (root / films[0]).write_bytes(film)
    mended = index_of(tmp_path / "out", root)
    assert len(index.read(mended.folders["index"] / stage.RECORDS)) == len(films)


def test_another_reader_reads_everything(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    make_manifest(root)
    index_of(tmp_path / "out", root, "archive=manifest")
    (root / "manifest.csv").rename(root / "other.csv")
    ran = index_of(tmp_path / "out", root, "archive=manifest", "archive.reader.table=other.csv")
    assert "as they were" not in ran.screen
