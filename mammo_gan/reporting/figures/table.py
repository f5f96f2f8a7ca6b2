"""Columns of a CSV file that a stage left."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.errors import UserError


def read_columns(path: Path, needed: tuple[str, ...]) -> dict[str, list[str]]:
    """The columns of a CSV file as texts.

    Raises:
        UserError: the file is missing, holds no rows, or lacks a needed column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{path}: expected a table, found no file ({error.strerror}); run the stage before") from error
    if not rows:
        raise UserError(f"{path}: expected rows, found none; run the stage that writes it again")
    if missing := [name for name in needed if name not in rows[0]]:
        raise UserError(f"{path}: expected the columns {', '.join(needed)}, found no {', '.join(missing)}")
    return {name: [row[name] or "" for row in rows] for name in rows[0]}


def numbers(texts: list[str]) -> NDArray[np.float64]:
    """(N,) floats; an empty or unreadable cell is NaN."""
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
