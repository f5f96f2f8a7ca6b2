"""What a user sees while an experiment runs: lines, tables and bars."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, TextIO, TypeVar, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

T = TypeVar("T")


class Screen:
    """Writes to the terminal; in a log file the bars are left out and the lines stay."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(soft_wrap=True, highlight=False)

    @classmethod
    def of_job(cls, number: int) -> Self:
        """For one of several jobs that write to the same terminal: whole lines that name the job, no bars."""
        lines = _NamedLines(sys.stdout, f"{number} | ")
        return cls(Console(file=cast(TextIO, lines), force_terminal=False, soft_wrap=True, highlight=False))

    def say(self, line: str) -> None:
        """One line."""
        self.console.print(line, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table with a title."""
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")  # no part of a path or a setting is left out
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))  # no markup: [] is meant as it stands
        self.console.print(table)

    def progress(self, items: Iterable[T], total: int, description: str) -> Iterator[T]:
        """The items as they come, with a bar over `total` of them."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bar:
            yield from bar.track(items, total=total, description=description)


class _NamedLines(io.TextIOBase):
    """A text file that passes on whole lines at once, each with a name in front."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name
        self._unfinished = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *whole, self._unfinished = (self._unfinished + text).split("\n")
        self._file.write("".join(f"{self._name}{line}\n" for line in whole))
        self._file.flush()
        return len(text)
