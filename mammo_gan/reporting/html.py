"""One HTML file that holds everything: no script, nothing fetched, readable without a network and in print."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from mammo_gan.files import write_text

MediaType = Literal["image/png", "image/svg+xml", "image/webp", "image/gif"]  # the last two may move, and png


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image and, for dark screens, its counterpart. `alt` says what it shows to those who cannot see it."""

    light: bytes
    alt: str
    media_type: MediaType
    dark: bytes | None = None
    width: int | None = None  # px on the page; None = as wide as the text

    @property
    def light_uri(self) -> str:
        return _data_uri(self.light, self.media_type)

    @property
    def dark_uri(self) -> str | None:
        return None if self.dark is None else _data_uri(self.dark, self.media_type)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption."""

    kind: ClassVar = "figure"
    picture: Picture
    caption: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Figures of one series under a caption."""

    kind: ClassVar = "gallery"
    figures: tuple[Figure, ...]
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts; `numeric` are the columns set flush right, `prose` gives all columns but the first equal room."""

    kind: ClassVar = "table"
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    prose: bool = False

    def __post_init__(self) -> None:
        if wrong := [row for row in self.rows if len(row) != len(self.headings)]:
            raise ValueError(f"table {self.caption!r} has {len(self.headings)} columns, a row has {len(wrong[0])}")

    def without_empty_columns(self) -> Table:
        """The same table, less each column in which no row says anything."""
        kept = [i for i in range(len(self.headings)) if any(row[i] for row in self.rows)]
        return Table(
            caption=self.caption,
            headings=tuple(self.headings[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in self.rows),
            numeric=frozenset(new for new, old in enumerate(kept) if old in self.numeric),
            prose=self.prose,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and their values."""

    kind: ClassVar = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    kind: ClassVar = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the shell."""

    kind: ClassVar = "command"
    text: str


Block = Figure | Gallery | Table | Facts | Text | Command


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it; `name` is its anchor."""

    name: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Banner:
    """What a reader must know before looking at anything else."""

    tone: Literal["warning", "note"]
    headline: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report from its title to its last section."""

    title: str
    subtitle: str
    summary: str
    banners: tuple[Banner, ...]
    sections: tuple[Section, ...]


def render(report: Report) -> str:
    """The report as one HTML document; every text is escaped."""
    return _template().render(report=report)


def save(path: Path, report: Report) -> None:
    """Write the report beside its target and rename it."""
    write_text(path, render(report))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mammo_gan.reporting", package_path="."),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html.j2")


def _data_uri(content: bytes, media_type: MediaType) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
