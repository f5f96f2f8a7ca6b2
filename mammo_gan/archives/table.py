"""A lab's CSV, however its spreadsheet wrote it: rows of named, stripped cells."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mammo_gan.errors import UserError

_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table. `number` counts from 1 with the header, as a spreadsheet shows it."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """The cell's text without white space around it; empty where the table has no such column."""
        return self.cells.get(column, "")

    def number_in(self, column: str) -> float | None:
        """A finite number, None for an empty cell; UserError for anything else."""
        text = self[column]
        if not text:
            return None
        try:
            value = float(text.replace(",", "."))  # a decimal comma, where ; separates the cells
        except ValueError:
            value = float("nan")
        if not abs(value) < 1e9:
            raise UserError(f"row {self.number}: expected a number in column {column}, found {text[:40]!r}")
        return value

    def choice_in(self, column: str, choices: Sequence[str]) -> str | None:
        """One of `choices` in whatever case, None for an empty cell; UserError naming the nearest for anything else."""
        text = self[column]
        if not text:
            return None
        by_lower_case = {choice.lower(): choice for choice in choices}
        if text.lower() not in by_lower_case:
            raise UserError(
                f"row {self.number}: expected one of {', '.join(choices)} in column {column}, found {text[:40]!r}"
                f"{_nearest(text, choices)}"
            )
        return by_lower_case[text.lower()]


def parse_table(text: str, required: Collection[str], optional: Collection[str]) -> tuple[list[Row], dict[int, str]]:
    """A table's rows, and of the rows that have more cells than the header what is wrong with them.

    Comma, semicolon or tab, whichever the header has most of, separates cells. Line breaks at the ends of cells and
    rows without content are passed over.

    Raises:
        UserError: no header, or a column that is missing, unknown (with the nearest valid name) or there twice.
    """
    header_line = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=header_line.count)
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator))
    except csv.Error as error:
        raise UserError(f"expected a table as CSV, found one that can't be parsed ({error})") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()  # spreadsheets append empty columns
    check_header(header, required, optional)
    parsed: list[Row] = []
    faulty: dict[int, str] = {}
    for number, cells in enumerate(rows[1:], start=2):
        stripped = [cell.strip() for cell in cells]
        if any(stripped[len(header) :]):
            faulty[number] = f"{len(cells)} cells under {len(header)} columns"
        elif any(stripped):
            parsed.append(Row(number, dict(zip(header, stripped, strict=False))))
    return parsed, faulty


def check_header(header: Sequence[str], required: Collection[str], optional: Collection[str]) -> None:
    """Every required column once, and no other than these.

    Raises:
        UserError: the first column that is missing, unknown (with the nearest valid name) or there twice.
    """
    known = [*required, *optional]
    for name in header:
        if name not in known:
            raise UserError(
                f"expected columns out of {', '.join(known)}, found the unknown column {name[:40]!r}"
                f"{_nearest(name, known)}"
            )
    missing = [name for name in required if name not in header]
    if missing:
        raise UserError(f"expected the column {missing[0]}, found {', '.join(header) or 'an empty table'}")
    if len(set(header)) < len(header):
        raise UserError(f"expected each column once, found {', '.join(header)}")


def _nearest(name: str, known: Collection[str]) -> str:
    nearest = max(known, key=lambda other: difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio())
    return f"; the nearest valid one is {nearest!r}"
