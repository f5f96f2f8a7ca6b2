"""Lines, tables and bars: on a terminal, and where several jobs share it."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from mammo_gan.stages.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_job_among_others_writes_whole_lines_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    screen = Screen.of_job(3)
    screen.say("one\ntwo")
    assert list(screen.progress(range(3), 3, "synthesis")) == [0, 1, 2]
    screen.table("title", ("a", "b"), [(1, 2)])
    lines = terminal.getvalue().splitlines()
    assert lines[:2] == ["3 | one", "3 | two"]
    assert all(line.startswith("3 | ") for line in lines)
    assert "\x1b" not in terminal.getvalue()  # a bar moves the cursor


def test_a_narrow_table_leaves_nothing_out_and_reads_no_markup() -> None:
    said = io.StringIO()
    setting = "stages=[index,prepare/patches]"
    Screen(Console(file=said, width=24)).table("jobs", ("job", "settings"), [(0, setting)])
    cells = "".join(line.split("│")[2].strip() for line in said.getvalue().splitlines() if "│" in line)
    assert cells == setting
