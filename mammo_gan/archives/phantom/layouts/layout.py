"""What an archive's layout decides: which films of a patient it holds, and the files that stand for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, get_args

from mammo_gan.archives.phantom.grid import Grid
from mammo_gan.archives.phantom.patient import Outcome, Patient
from mammo_gan.archives.records import Laterality, View
from mammo_gan.imaging.optical_density import Scanner

SIDES: Mapping[Laterality, str] = MappingProxyType({"L": "LEFT", "R": "RIGHT"})
FILMS: tuple[tuple[Laterality, View], ...] = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))
"""The four films of a visit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a patient's files depend on besides herself."""

    grid: Grid
    scanner: Scanner
    seed: int


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row for one of the archive's tables, its cells by column."""

    table: str
    cells: Mapping[str, str]


class Layout(ABC):
    """The layout of one archive. It keeps nothing between patients and can be sent to other processes.

    name:     the archive's, as its publisher writes it
    outcomes: of the patients that the archive has
    tables:   columns of its tables by file name, relative to the root
    """

    name: ClassVar[str]
    outcomes: ClassVar[Collection[Outcome]] = get_args(Outcome)
    tables: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})

    @abstractmethod
    def write_patient(self, root: Path, patient: Patient, settings: Settings) -> Sequence[TableRow]:
        """Draws a patient's films and writes her files below `root`; returns what the tables are to say of her.

        The same patient and settings give the same bytes.
        """
