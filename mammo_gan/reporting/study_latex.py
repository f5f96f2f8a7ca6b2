"""The tables of a study for a paper of one's own: LaTeX that needs no package."""

from __future__ import annotations

import re

from mammo_gan.reporting.study_tables import BEST, UNBROKEN, Grid, to_html


def to_latex(grid: Grid, here: str, caption: str) -> str:
    """The page's table as a float, the best of each column in bold, as the paper has it."""
    table = to_html(grid, here, caption)
    rows = [f"    {' & '.join(map(_cell, row))} \\\\" for row in (table.headings, *table.rows)]
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_escaped(caption)}}}",
        rf"  \begin{{tabular}}{{ll{'r' * len(grid.sizes)}}}",
        r"    \hline",
        rows[0],
        r"    \hline",
        *rows[1:],
        r"    \hline",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = _escaped(text.removeprefix(BEST).strip())
    return rf"\textbf{{{escaped}}}" if text.startswith(BEST) else escaped


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text).replace("±", r"$\pm$").replace(UNBROKEN, "~")
