"""metrics.csv: one wide row per logged iteration."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from mammo_gan.files import written_whole

COUNTS = ("iteration", "images_seen")  # the first columns, whole numbers
LEFT_OUT = ("epoch", "step")  # Lightning's own counts, which mean nothing under manual optimisation


class MetricsCsv(Logger):
    """Appends what is logged to a CSV file; every row is on the disk before the next iteration.

    The iteration of a row is the metric `iteration` where the method logs it, and the trainer's count of batches
    otherwise. Values logged for one iteration in several calls share its row; a value that isn't there is an empty
    cell. A column that appears later is added to the file, with empty cells in the rows of before.

    A resumed training repeats the iterations between its checkpoint and the moment it was cut off. So the first row
    written decides: rows of the file at or past its iteration are dropped.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self._columns: list[str] = []  # none before the first row of this process
        self._row: dict[str, str] = {}  # the last one in the file
        self._row_offset = 0  # where it starts, in bytes

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.file.parent)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run folder's config.yaml holds them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        values = {name: value for name, value in metrics.items() if name not in LEFT_OUT}
        iteration = int(values.pop("iteration", step if step is not None else 0))
        cells = {"iteration": str(iteration)} | {name: _cell(name, value) for name, value in values.items()}
        if not self._columns:
            self._open(iteration)
        if self._row.get("iteration") == cells["iteration"]:
            cells = self._row | cells
            self._cut_off_last_row()
        if new := [name for name in cells if name not in self._columns]:
            self._rewrite(_in_order([*self._columns, *new]), self._read())
        self._append(cells)

    def _open(self, iteration: int) -> None:
        """Take over a file that is there, up to `iteration`."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        rows = [row for row in self._read() if int(row["iteration"]) < iteration]
        found = list(dict.fromkeys(name for row in rows for name in row))
        self._rewrite(_in_order(found or list(COUNTS)), rows)

    def _read(self) -> list[dict[str, str]]:
        """The whole rows of the file; a last line that was cut off is left out."""
        if not self.file.exists():
            return []
        with self.file.open(newline="", encoding="utf-8") as file:
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        return [row for row in csv.DictReader(io.StringIO(whole)) if None not in row.values() and None not in row]

    def _rewrite(self, columns: list[str], rows: list[dict[str, str]]) -> None:
        with written_whole(self.file) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        self._columns, self._row = columns, {}

    def _append(self, cells: dict[str, str]) -> None:
        with self.file.open("a", newline="", encoding="utf-8") as file:
            self._row, self._row_offset = cells, file.tell()
            csv.DictWriter(file, self._columns, restval="", lineterminator="\n").writerow(cells)

    def _cut_off_last_row(self) -> None:
        with self.file.open("r+b") as file:
            file.truncate(self._row_offset)
        self._row = {}


def _in_order(columns: list[str]) -> list[str]:
    return [*COUNTS, *(name for name in columns if name not in COUNTS)]


def _cell(name: str, value: float) -> str:
    return str(int(value)) if name in COUNTS else f"{float(value):.7g}"  # float32 has no more digits
