"""Two archives compared, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mammo_gan.reporting.html import Banner, Command, Facts, Figure, Picture, Report, Section, Table, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A value of both archives, with intervals as they are to be read, "2.9 to 3.1"."""

    name: str
    ours: str
    ours_interval: str
    reference: str
    reference_interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A PNG, what it shows and its caption."""

    name: str
    png: bytes
    alt: str
    caption: str


def comparison_page(
    names: tuple[str, str],
    counts: Mapping[str, tuple[str, str]],
    rows: Sequence[Row],
    plots: Sequence[Plot],
    difference: str,
    notes: Sequence[str],
    phantom: bool,
    command: str,
) -> Report:
    """The page.

    Args:
        names: of the archive and of the reference; a phantom's says so.
        counts: what was measured, by what it is, for both.
        rows: the values.
        plots: in the order in which they are shown.
        difference: of the exponents, in a sentence.
        notes: what was left out, and other things that a reader must know.
        phantom: whether either is one.
        command: that makes the page again.
    """
    what = f"{names[0]} beside {names[1]}"
    both = "; ".join(f"{name}: {counts['images'][i]} images, {counts['patients'][i]} patients" for i, name in
                     enumerate(names))  # fmt: skip
    warning = Banner("warning", "Phantom data", "Films marked as phantom were drawn by a program; no patient is shown.")
    table = Table(
        caption=f"{both}. Means over films; intervals of 95 % over patients.",
        headings=("value", names[0], "95 % interval", names[1], "95 % interval"),
        rows=tuple((row.name, row.ours, row.ours_interval, row.reference, row.reference_interval) for row in rows),
        numeric=frozenset({1, 2, 3, 4}),
    )
    pictures = tuple(
        Figure(Picture(light=plot.png, alt=plot.alt, media_type="image/png"), f"{plot.caption} {both}.")
        for plot in plots
    )
    facts = Facts(tuple((name, f"{ours}; {reference}") for name, (ours, reference) in counts.items()))
    return Report(
        title="Archives compared",
        subtitle=what,
        summary=difference,
        banners=(warning,) if phantom else (),
        sections=(
            Section("values", "Values", (facts, table, *map(Text, notes))),
            Section("pictures", "Pictures", pictures),
            Section("again", "The same again", (Command(command),)),
        ),
    )
