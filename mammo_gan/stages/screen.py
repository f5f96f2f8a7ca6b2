"""What a user sees while an experiment runs: lines, tables and bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

T = TypeVar("T")


class Screen:
    """Writes to the terminal; in a log file the bars are left out and the lines stay."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(soft_wrap=True, highlight=False)

    def say(self, line: str) -> None:
        """One line."""
        self.console.print(line, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table with a title."""
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
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
