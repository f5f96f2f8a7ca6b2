"""Outcomes as a table for the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tests.bench.runner import Outcome, Summary


def table(outcomes: Sequence[Outcome]) -> Table:
    """The benchmark's name, and a row an arm below it, with the first arm's figure divided by its own beside it."""
    shown = Table("measured", "median", "quartiles", "unit", "first / it", "quartiles", "blocks")
    for outcome in outcomes:
        shown.add_section()
        shown.add_row(f"[bold]{outcome.name}[/bold]")
        for arm, summary in outcome.arms.items():
            ratio = cells(outcome.ratios[arm]) if arm in outcome.ratios else ("", "")
            shown.add_row(f"  {arm}", *cells(summary), outcome.unit, *ratio, str(summary.blocks))
    return shown


def cells(summary: Summary) -> tuple[str, str]:
    """Median and quartiles in words."""
    return f"{summary.median:.4g}", f"{summary.low:.4g} to {summary.high:.4g}"
