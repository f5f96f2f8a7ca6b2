"""A run that is ended in the midst of reading an archive's images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram


@contextmanager
def ended_at(number: int, reader: type[Reader], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Gives the images whose pixels are read in this process; at the `number`-th, once, the run is ended."""
    reads: list[str] = []
    read = reader.pixels

    def pixels(self: Any, root: Path, mammogram: Mammogram) -> Any:
        reads.append(mammogram.image)
        if len(reads) == number:
            raise KeyboardInterrupt
        return read(self, root, mammogram)

    monkeypatch.setattr(reader, "pixels", pixels)
    yield reads
    assert len(reads) > number
