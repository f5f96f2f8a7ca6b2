"""Ways to break a file of an archive, and what is to be said of it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image

CLOSED = hasattr(os, "geteuid") and os.geteuid() != 0  # nothing is closed to root


@dataclass(frozen=True)
class Wrong:
    """One fault of an archive.

    what:  names it in the tests
    file:  the file that is named, relative to the root
    says:  a regular expression for the fault's text
    costs: the images that have to be left out for it
    """

    what: str
    file: str
    says: str
    costs: tuple[str, ...]


@dataclass
class Broken:
    """An archive in which each fault occurs once: all its images, what is wrong, and remarks on sound images."""

    images: list[str]
    wrong: list[Wrong] = field(default_factory=list)
    odd: dict[str, str] = field(default_factory=dict)  # image -> its oddity

    @property
    def sound(self) -> set[str]:
        """The images that have to be read all the same."""
        return set(self.images) - {image for wrong in self.wrong for image in wrong.costs}


class Canary:
    """Writes a file where it is unpickled."""

    def __init__(self, written: Path) -> None:
        self.written = written

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.written,)


def outside(root: Path) -> Path:
    """A folder beside the root, where links lead that must not be followed, and pickles would write."""
    folder = root.parent / f"{root.name}-outside"
    folder.mkdir(exist_ok=True)
    return folder


def _truncate(path: Path, root: Path) -> None:
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])


def _empty(path: Path, root: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path, root: Path) -> None:
    path.write_text("no image")


def _picture(path: Path, root: Path) -> None:
    # A film of DDSM is no PNG, nor is a DICOM file; where PNG is allowed, one in colour isn't.
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(path, format="PNG")


def _npz(path: Path, root: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, image=np.zeros((4, 4)))
    path.write_bytes(packed.getvalue())


def _pickle(path: Path, root: Path) -> None:
    packed = io.BytesIO()
    np.save(packed, np.array([Canary(outside(root) / "canary")], dtype=object), allow_pickle=True)
    path.write_bytes(packed.getvalue())


def make_folder(path: Path, root: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "within.txt").write_text("")


def link_out(path: Path, root: Path) -> None:
    target = outside(root) / path.name
    path.rename(target)
    path.symlink_to(target)


def _link_nowhere(path: Path, root: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def _close(path: Path, root: Path) -> None:
    path.chmod(0)


BREAK: Mapping[str, Callable[[Path, Path], None]] = {
    "truncated": _truncate,
    "empty file": _empty,
    "a text": _text,
    "a picture in colour": _picture,
    "npz": _npz,
    "pickled npy": _pickle,
    "a folder": make_folder,
    "a link out of the root": link_out,
    "a link to nowhere": _link_nowhere,
    **({"closed": _close} if CLOSED else {}),
}
SAYS: Mapping[str, str] = {
    "truncated": "truncated",
    "a folder": "folder|directory",
    "a link out of the root": r"within the archive's root",
}


def break_images(root: Path, images: Iterable[str], says: Mapping[str, str] = SAYS) -> Iterator[Wrong]:
    """Breaks one image after the other, each in another way."""
    # Of a file of another kind all that is sure is that it is refused; words that differ by reader are its own tests'.
    for (what, damage), image in zip(BREAK.items(), images, strict=False):
        damage(root / image, root)
        yield Wrong(what, image, says.get(what, "expected|can't be read"), (image,))


def without_pixels(path: Path) -> None:
    """A DICOM file that is whole but for its pixels."""
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)


def with_header(path: Path, **fields: Any) -> None:
    """Changes a DICOM file's header and leaves its pixels as they are."""
    dataset = pydicom.dcmread(path)
    for name, value in fields.items():
        setattr(dataset, name, value)
    dataset.save_as(path)


def replace_in(path: Path, old: str, new: str) -> None:
    """Changes a text file in one place."""
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{path} has no {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
