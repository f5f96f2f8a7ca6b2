"""Which archive lies below a root, told by the names of its files alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.paths import listing
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Lesion, Mammogram, SplitName
from mammo_gan.errors import UserError

_SUFFIXES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Sign:
    """Files that one archive has and the others have not: how to call them, and what their paths match."""

    files: str
    path: str

    def count(self, files: Sequence[str]) -> int:
        pattern = re.compile(self.path, re.IGNORECASE | re.ASCII)
        return sum(pattern.fullmatch(file) is not None for file in files)


# An archive is recognised where each of its signs is there. One sign of several alternatives is enough where the reader
# itself says best what else is missing.
SIGNS: Mapping[str, tuple[Sign, ...]] = {
    "ddsm": (Sign("*.ics", r".*\.ics"), Sign("*.LJPEG", r".*\.ljpeg(\.gz|\.z)?")),
    "mias": (Sign("Info.txt", r"(.*/)?info\.txt"), Sign("mdb*.pgm", r"(.*/)?mdb\d{3}\.pgm")),
    "cbis": (
        Sign(
            "*_case_description_*_set.csv or Mass-Training_P_*/**.dcm and the like",
            r"(.*/)?(mass|calc)_case_description_(train|test)_set\.csv"
            r"|(.*/)?(mass|calc)-(training|test)_P_\d+_(left|right)_(cc|mlo)(_\d+)?/.*\.dcm",
        ),
    ),
    "inbreast": (
        Sign("INbreast.xls or *_MG_*_ANON.dcm", r"(.*/)?(inbreast\.(xlsx?|csv)|\d+_[0-9a-f]+_MG_\w+_ANON\.dcm)"),
    ),
    "optimam": (Sign("nbss_*.json or imagedb_*.json", r"(.*/)?(nbss|imagedb)_[^/]+\.json"),),
    "manifest": (Sign("manifest.csv or manifest.parquet at the root", r"manifest\.(csv|parquet)"),),
}


class Auto(Reader):
    """Whichever archive lies below the root, read by its own reader; records carry that archive's name.

    A root that shows the signs of none, or of several, is refused with what was looked for and what was found.

    Args:
        readers: the readers to choose from, each under its archive's name.
    """

    name: ClassVar[str] = "auto"
    root_variable: ClassVar[str] = "ARCHIVE_ROOT"
    layout: ClassVar[str] = "an archive in one of the layouts that archive=NAME can read."
    source_of_data: ClassVar[str] = "Where each can be had is said by archive=NAME with a folder that is empty."

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self.readers = dict(readers)
        for name, reader in self.readers.items():
            if name != reader.name or name not in SIGNS:
                raise UserError(
                    f"archive.reader.readers.{name}: expected the reader of one of {', '.join(SIGNS)}, under that "
                    f"name, found that of {reader.name}"
                )

    def choose(self, root: Path) -> Reader:
        """The one reader whose archive lies below `root`, of which names alone are read.

        Raises:
            UserError: none matches, or several do.
        """
        if not root.is_dir():
            raise self.no_archive(f"{root}: there is no such folder")
        files = listing(root).files
        found = {name: [(sign.files, sign.count(files)) for sign in SIGNS[name]] for name in self.readers}
        matching = [name for name, signs in found.items() if all(count for _, count in signs)]
        if len(matching) == 1:
            return self.readers[matching[0]]
        if matching:
            told = " and of ".join(f"{name} ({_told(found[name])})" for name in matching)
            raise UserError(
                f"{root}: archive=auto expected one archive, found the signs of {told}. Choose one with archive="
                f"{matching[0]}, or set archive.root to the folder of one alone"
            )
        partly = [f"{name} ({_told(signs)})" for name, signs in found.items() if any(count for _, count in signs)]
        raise self.no_archive(
            f"{root} is none of {', '.join(found)}. Looked in file names for "
            f"{'; '.join(f'{name}: {_wanted(name)}' for name in found)}. Found {_suffixes(files)}"
            f"{', part of ' if partly else ''}{', '.join(partly)}"
        )

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        reader, empty = self.choose(root), True
        for found in reader.scan(root):
            empty = False
            yield found
        if empty:
            raise reader.no_archive(
                f"{root} has the signs of {reader.name} ({_wanted(reader.name)}), but no image of it"
            )

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        return self._reader_of(mammogram).pixels(root, mammogram)

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        return self._reader_of(mammogram).mask(root, mammogram, lesion)

    def official_sides(self, root: Path) -> Mapping[str, frozenset[SplitName]]:
        return self.choose(root).official_sides(root)

    def _reader_of(self, mammogram: Mammogram) -> Reader:
        if mammogram.archive not in self.readers:
            raise UserError(
                f"{mammogram.image}: expected an image of {', '.join(self.readers)}, found one of "
                f"{mammogram.archive}; index it again"
            )
        return self.readers[mammogram.archive]


def _wanted(name: str) -> str:
    return " and ".join(sign.files for sign in SIGNS[name])


def _told(signs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {files}" for files, count in signs)


def _suffixes(files: Sequence[str]) -> str:
    """How many files of which kinds. Their names can hold what identifies a patient, and stay out of messages."""
    if not files:
        return "an empty folder"
    kinds = Counter(PurePosixPath(file).suffix.lower() or "no suffix" for file in files).most_common()
    told = ", ".join(f"{count} {suffix}" for suffix, count in kinds[:_SUFFIXES_SHOWN])
    return f"{len(files)} files ({told}{', ...' if len(kinds) > _SUFFIXES_SHOWN else ''})"
