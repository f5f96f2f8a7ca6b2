"""What an archive's reader has to know: where its images are, what is known of them, how to get at their pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.records import Lesion, Mammogram, SplitName
from mammo_gan.errors import UserError


class Reader(ABC):
    """One archive's layout.

    A reader keeps no open files, writes nothing, and can be sent to other processes. Every path that it opens comes
    from `paths.inside`, so none leaves the root. It raises `UserError` for bad input and for nothing else.
    """

    name: ClassVar[str]  # goes into every record as `archive`
    root_variable: ClassVar[str]  # the environment variable that names the root
    layout: ClassVar[str]  # the files expected below the root, in a few sentences
    source_of_data: ClassVar[str]  # where the data can be had or asked for

    @abstractmethod
    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        """All images below `root` in a fixed order, from text files and image headers alone.

        What can't be read is yielded as a fault, and the scan goes on. Records are of source `disk`; whoever knows
        better replaces it.

        Raises:
            UserError: nothing can be read at all, such as a table without its columns.
        """

    @abstractmethod
    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """The image, (H, W), dense tissue bright, 0 = black to 2**bits - 1 = white, where `bits` is 8 or 16.

        Raises:
            UserError: the file is missing, truncated or of another kind or size than its record says.
        """

    @abstractmethod
    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        """(H, W) bool, True on the lesion; `lesion` is one of `mammogram.lesions` and has a mask.

        Raises:
            UserError: the mask can't be read or is of another size than the image.
        """

    def official_sides(self, root: Path) -> Mapping[str, frozenset[SplitName]]:
        """Patient -> the splits of the publisher in which they stand; empty where the records' `split` says all.

        Raises:
            UserError: the files that tell it can't be read.
        """
        return {}

    def no_archive(self, found: str) -> UserError:
        """The error for a root without this archive: what was found, what was expected, and how to go on."""
        return UserError(
            f"{found}. Looked for archive={self.name} at archive.root (a reference: reference.root), or else at "
            f"the folder in the variable {self.root_variable}. Expected there: {self.layout} {self.source_of_data} "
            "To see a run without data, add source=phantom scale=demo"
        )
