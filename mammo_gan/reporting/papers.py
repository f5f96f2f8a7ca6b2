"""A paper's folder under experiments/: what it claims, and where we had to decide for ourselves.

paper.toml is the one place where this stands; the report shows it and README.md beside it is drawn from it
(`python -m mammo_gan.reporting.papers`).
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mammo_gan.errors import UserError

State = Literal["available", "planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperResult:
    """One row of a table, or one figure: the overrides that make it and what the paper prints (None for pictures)."""

    item: str  # "Table 1"
    label: str
    state: State
    overrides: tuple[str, ...] = ()
    value: float | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A point where ours is a reading of the paper's silence (assumption) or departs from it (deviation).

    `where` is the file that holds the choice; empty as long as nothing is built that needs it.
    """

    topic: str
    paper: str
    ours: str
    where: str = ""
    published: str = ""  # what the authors' code does, where that is known and differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The contents of a paper.toml."""

    key: str
    title: str
    authors: str
    venue: str
    link: str
    idea: str
    claims: tuple[str, ...]
    results: tuple[PaperResult, ...]
    assumptions: tuple[Choice, ...]
    deviations: tuple[Choice, ...]


def read_paper(path: Path) -> Paper:
    """Read a paper.toml.

    Raises:
        UserError: the file is missing, is not TOML, or a field is missing, unknown or of a wrong kind.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: expected the paper's facts, found no file ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: expected TOML, found a fault: {error}") from error
    try:
        return Paper(
            key=path.parent.name,
            claims=tuple(document.pop("claims")),
            results=tuple(_paper_result(row) for row in document.pop("result", [])),
            assumptions=tuple(Choice(**row) for row in document.pop("assumption", [])),
            deviations=tuple(Choice(**row) for row in document.pop("deviation", [])),
            **document,
        )
    except (TypeError, KeyError, ValueError) as error:
        known = ", ".join(field.name for field in fields(Paper))
        raise UserError(f"{path}: {error}; a paper has {known}; compare with another paper's file") from error


def _paper_result(row: dict[str, Any]) -> PaperResult:
    if row.get("state") not in get_args(State):
        raise ValueError(f"state of {row.get('item')!r}: expected one of {get_args(State)}, found {row.get('state')!r}")
    return PaperResult(**row | {"overrides": tuple(row.get("overrides", ()))})


def to_markdown(paper: Paper) -> str:
    """The README.md of the paper's folder."""
    parts = [
        f"<!-- Drawn from paper.toml by `python -m mammo_gan.reporting.papers`. -->\n\n# {paper.title}\n",
        f"{paper.authors}. {paper.venue}. <{paper.link}>\n",
        f"{paper.idea}\n",
        "## What it claims\n\n" + "\n".join(f"- {claim}" for claim in paper.claims) + "\n",
        "## Its tables and figures\n\n" + _results_table(paper.results),
        "## Assumptions: where the paper is silent\n\n" + _choices(paper.assumptions),
        "## Deviations: where ours differs\n\n" + _choices(paper.deviations),
    ]
    return "\n".join(parts)


def _results_table(rows: tuple[PaperResult, ...]) -> str:
    lines = ["| in the paper | what | its value | command | state |", "|---|---|---|---|---|"]
    for row in rows:
        value = "" if row.value is None else f"{row.value:g} {row.unit}".strip()
        command = f"`python -m mammo_gan.run {' '.join(row.overrides)}`" if row.overrides else ""
        state = f"{row.state}: {row.note}" if row.note else row.state
        lines.append(f"| {row.item} | {row.label} | {value} | {command} | {state} |")
    return "\n".join(lines) + "\n"


def _choices(choices: tuple[Choice, ...]) -> str:
    lines = ["| point | the paper | the authors' code | ours | where |", "|---|---|---|---|---|"]
    for choice in choices:
        where = f"`{choice.where}`" if choice.where else "not built yet"
        lines.append(f"| {choice.topic} | {choice.paper} | {choice.published} | {choice.ours} | {where} |")
    return "\n".join(lines) + "\n"


def main(experiments: Path = Path("experiments")) -> None:
    """Draw the README.md of each paper's folder anew."""
    for path in sorted(experiments.glob("*/paper.toml")):
        path.with_name("README.md").write_text(to_markdown(read_paper(path)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
