from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.progress import IterationProgress
from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.callbacks.throughput import Throughput
from tests.callbacks.tiny_gan import TinyGan, fit


def console(*, terminal: bool, width: int = 160) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=width, soft_wrap=True), text


def test_a_log_file_gets_whole_lines(tmp_path: Path) -> None:
    screen, text = console(terminal=False)
    progress = IterationProgress(12, line_seconds=0, console=screen)
    fit(TinyGan(), tmp_path, [StopAtIteration(12), Throughput(2), progress], bar=True)
    lines = text.getvalue().splitlines()
    assert len(lines) == 13  # each iteration and the end
    assert re.match(r"iteration 1/12  alternating  \d+:\d\d:\d\d left$", lines[0])
    losses = r"discriminator/loss \S+  generator/loss \S+"  # logged in every fifth iteration
    assert re.match(rf"iteration 5/12  alternating  \d+:\d\d:\d\d left  [\d.]+ images/s  {losses}$", lines[4])
    assert re.match(rf"iteration 12/12  alternating  [\d.]+ images/s  {losses}$", lines[-1])
    assert "\x1b" not in text.getvalue()


def test_lines_are_seldom(tmp_path: Path) -> None:
    screen, text = console(terminal=False)
    fit(TinyGan(), tmp_path, [StopAtIteration(12), IterationProgress(12, console=screen)], bar=True)
    assert len(text.getvalue().splitlines()) == 1


def test_a_terminal_gets_a_bar_up_to_the_end(tmp_path: Path) -> None:
    screen, text = console(terminal=True)
    progress = IterationProgress(6, losses=["generator/loss"], bar_seconds=0, console=screen)
    fit(TinyGan(), tmp_path, [StopAtIteration(6), progress], bar=True)
    assert "6/6" in text.getvalue()
    assert "generator/loss" in text.getvalue()
    assert "discriminator/loss" not in text.getvalue()


def test_a_narrow_terminal_shows_all_of_it(tmp_path: Path) -> None:
    screen, text = console(terminal=True, width=60)
    fit(TinyGan(), tmp_path, [StopAtIteration(8), IterationProgress(123456, bar_seconds=0, console=screen)], bar=True)
    shown = text.getvalue()
    for part in ("8/123456", "left", "generator/loss", "discriminator/loss"):
        assert part in shown
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= 60


def test_a_resumed_training_starts_where_it_was(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(6), AtomicCheckpoint(tmp_path, None)])
    screen, text = console(terminal=False)
    progress = IterationProgress(9, line_seconds=0, console=screen)
    fit(TinyGan(), tmp_path, [StopAtIteration(9), progress], resume=find_last(tmp_path), bar=True)
    assert text.getvalue().startswith("iteration 7/9")


def test_a_complete_training_says_nothing(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(4), AtomicCheckpoint(tmp_path, None)])
    screen, text = console(terminal=False)
    progress = IterationProgress(4, line_seconds=0, console=screen)
    fit(TinyGan(), tmp_path, [StopAtIteration(4), progress], resume=find_last(tmp_path), bar=True)
    assert text.getvalue() == ""


def test_other_processes_stay_silent(tmp_path: Path) -> None:
    screen, text = console(terminal=False)
    progress = IterationProgress(4, line_seconds=0, console=screen)
    progress.disable()
    fit(TinyGan(), tmp_path, [StopAtIteration(4), progress], bar=True)
    assert text.getvalue() == ""
