"""No path leaves the root, and what we write appears whole."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.archives.paths import beside, inside, is_file, is_folder, listing, read_text
from mammo_gan.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "film.pgm").write_text("film")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "root"


def test_paths_within_the_root_are_resolved(root: Path) -> None:
    expected = root.resolve() / "deep" / "film.pgm"
    for relative in ("deep/film.pgm", "./deep/../deep/film.pgm", str(expected)):
        assert inside(root, relative) == expected


@pytest.mark.parametrize("relative", ["../secret.txt", "deep/../../secret.txt", "/etc/passwd", "../root2/a", ".."])
def test_paths_that_leave_the_root_are_refused(root: Path, relative: str) -> None:
    with pytest.raises(UserError, match="within the archive's root"):
        inside(root, relative)


def test_links_that_leave_the_root_are_refused_and_others_followed(root: Path) -> None:
    (root / "out.txt").symlink_to(root.parent / "secret.txt")
    (root / "in.pgm").symlink_to(root / "deep" / "film.pgm")
    (root / "circle").symlink_to(root / "circle")
    with pytest.raises(UserError, match="within the archive's root"):
        inside(root, "out.txt")
    with pytest.raises(UserError, match="no usable path"):
        inside(root, "circle/a")
    assert inside(root, "in.pgm").name == "film.pgm"


@given(st.text())
def test_any_text_gives_a_path_inside_or_a_user_error(relative: str) -> None:
    root = Path(__file__).parent
    with suppress(UserError):
        assert inside(root, relative).is_relative_to(root.resolve())


def test_a_listing_is_sorted_and_follows_no_links_to_folders(root: Path) -> None:
    (root / "again").symlink_to(root)
    (root / "a.txt").write_text("")
    assert listing(root).files == ("a.txt", "deep/film.pgm")


def test_a_name_in_another_encoding_is_a_fault(root: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.ics")).write_text("")
    except OSError:
        pytest.skip("this file system takes no names but UTF-8")
    (fault,) = listing(root).faults
    assert (fault.file, fault.problem) == ("caf\\udce9.ics", "unusable name")
    with pytest.raises(UserError, match="no usable path"):
        inside(root, "caf\udce9.ics")


def test_files_are_found_in_either_case(root: Path) -> None:
    folder = root / "deep"
    assert beside(folder, "FILM.PGM") == folder / "film.pgm"
    assert beside(folder, "film.pgm") == folder / "film.pgm"
    assert beside(folder, "film.png") is None
    assert beside(root / "none", "film.pgm") is None
    assert beside(folder, "9" * 5000) is None
    assert not is_file(folder / ("9" * 5000))
    assert not is_folder(folder / ("9" * 5000))


def test_folders_in_place_of_files_are_named(root: Path) -> None:
    (root / "deep" / "mdb001.pgm").mkdir()
    (fault,) = listing(root).in_place_of(re.compile(r"mdb\d{3}\.pgm"))
    assert (fault.file, fault.found) == ("deep/mdb001.pgm", "a folder")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfa\xc3\xa9", "a\u00e9"),
        (b"a\xe9", "a\u00e9"),
        (b"", ""),
        ("a\u00e9".encode("utf-16"), "a\u00e9"),
        (b"\xfe\xff\0a\0\xe9", "a\u00e9"),
    ],
)
def test_text_is_read_in_the_encodings_that_labs_use(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert read_text(tmp_path / "a.txt") == expected


def test_broken_utf_16_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfea\0\0")
    with pytest.raises(UserError, match=r"a\.txt: .*broken UTF-16.*save it as UTF-8"):
        read_text(tmp_path / "a.txt")


def test_a_missing_text_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: can't be read"):
        read_text(tmp_path / "none.txt")
