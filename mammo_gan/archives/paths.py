"""Paths within an archive's root, which is only ever read.

The root may itself be a link. Below it links to files are followed as long as they stay below it: a table or a link
that somebody else made must not fetch other files of this machine. Links to folders are not walked; give what they lead
to as a root, or mount it below this one.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_gan.archives.integrity import Fault
from mammo_gan.errors import UserError

_named: ContextVar[set[str] | None] = ContextVar("named", default=None)


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies below a root: posix paths relative to it, sorted, and what can't be reached."""

    files: tuple[str, ...]
    faults: tuple[Fault, ...]
    folders: tuple[str, ...] = ()

    def in_place_of(self, files: re.Pattern[str]) -> Iterator[Fault]:
        """A fault for each folder that is called as `files` of the archive are, by the last part of its path."""
        for folder in self.folders:
            if files.fullmatch(PurePosixPath(folder).name):
                yield Fault(folder, "folder instead of a file", "a file of this name", "a folder", "unpack it again")


def inside(root: Path, relative: str) -> Path:
    """The file that `relative` names below `root`, links followed.

    Raises:
        UserError: the path leaves the root, be it by `..`, as an absolute path or through a link, or is none at all.
    """
    try:
        home = root.resolve()
        path = (home / relative).resolve()
        str(path).encode()  # a name in another encoding can be neither printed nor kept in the index
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a name too long, a null character
        raise UserError(f"{relative!r}: is no usable path ({error}); mend it in the archive's table") from error
    if not path.is_relative_to(home):
        raise UserError(
            f"{relative}: expected a path within the archive's root {home}, found one that leads to {path}; "
            "put the file below the root and name it relative to it"
        )
    if (named := _named.get()) is not None:
        named.add(path.relative_to(home).as_posix())
    return path


@contextmanager
def noting() -> Iterator[set[str]]:
    """The files that `inside` gives within this context, relative to their root: all that a reader opens."""
    named: set[str] = set()
    token = _named.set(named)
    try:
        yield named
    finally:
        _named.reset(token)


def listing(root: Path) -> Listing:
    """All files below `root`. Links to folders are not followed, so that no circle of links is walked for ever."""
    files: list[str] = []
    folders: list[str] = []
    faults: list[Fault] = []

    def note_closed(error: OSError) -> None:
        folder = _printable(Path(error.filename).relative_to(root).as_posix())
        advice = "open it or move it away"
        faults.append(Fault(folder, "closed folder", "a folder that can be listed", "no permission", advice))

    for folder, below, names in os.walk(root, onerror=note_closed):
        prefix = Path(folder).relative_to(root)
        folders += [_printable((prefix / name).as_posix()) for name in below]
        for file in ((prefix / name).as_posix() for name in names):
            if file == _printable(file):
                files.append(file)
            else:
                found = "bytes of another encoding"
                faults.append(Fault(_printable(file), "unusable name", "a name in UTF-8", found, "rename it"))
    return Listing(tuple(sorted(files)), tuple(sorted(faults, key=lambda fault: fault.file)), tuple(sorted(folders)))


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def is_file(path: Path) -> bool:
    """Whether there is such a file. A name that is too long for the file system is that of none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, likewise."""
    try:
        return path.is_dir()
    except OSError:
        return False


def beside(folder: Path, name: str) -> Path | None:
    """The file `name` in `folder`, whether its name is in upper or in lower case; None if it isn't there.

    Copies by way of other file systems come back with their names in lower case.
    """
    exact = folder / name
    if is_file(exact):
        return exact
    try:
        alike = [path for path in folder.iterdir() if path.name.upper() == name.upper() and path.is_file()]
    except OSError:
        return None
    return min(alike, default=None)


def read_text(path: Path) -> str:
    """A text file as str: UTF-8 with or without a byte order mark, UTF-16 with one, otherwise Latin-1, which takes any
    byte.

    Raises:
        UserError: the file is not there, may not be read, or is broken UTF-16.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}); check that it is there and readable") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # a spreadsheet's "Unicode text"
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: expected text, found broken UTF-16 ({error}); save it as UTF-8") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
