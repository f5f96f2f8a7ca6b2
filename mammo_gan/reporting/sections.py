"""The report's parts that several kinds of experiment have."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from mammo_gan.reporting import figures
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.html import Banner, Block, Figure, Gallery, Picture, Report, Section
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results


def page(results: Results, paper: Paper, parts: Iterable[Section | None], untrained: str) -> Report:
    """A run's page: of `parts` those that there are. `untrained`: see `banners`."""
    return Report(
        title=results.title,
        subtitle=f"mammo_gan · experiment {results.experiment} · after {paper.authors}, {paper.venue}",
        summary=summary(results),
        banners=banners(results, untrained),
        sections=tuple(part for part in parts if part is not None),
    )


def origin(results: Results) -> str:
    """What ends every caption of a figure or table that was made from data."""
    return " Phantom data." if results.source == "phantom" else ""


def archive(results: Results) -> str:
    """The archive's name within a sentence."""
    return f"a phantom archive in the layout of {results.archive}" if results.source == "phantom" else results.archive


def summary(results: Results) -> str:
    """One sentence: what it was trained on, and how."""
    patches = sum(count.patches for count in results.data.patches if count.split == "train" and count.label != "normal")
    return (
        f"Trained on {patches:,} patches of {archive(results)} ({results.data.patients:,} patients in all splits), "
        f"scale={results.scale}, preset={results.preset}, seed {results.seed}."
    )


def banners(results: Results, untrained: str) -> tuple[Banner, ...]:
    """What a reader must know first; `untrained` is said where a feature network has random weights."""
    found = []
    if results.source == "phantom":
        headline, text = "Made from phantom data:", "it shows that the software runs and says nothing about patients."
        found.append(Banner("warning", headline, text))
    if results.weights.random:
        found.append(Banner("warning", "Untrained feature network:", untrained))
    if results.scale != "paper":
        text = "sizes, counts and iterations are reduced, so values are not the paper's protocol."
        found.append(Banner("note", f"scale={results.scale}:", text))
    return tuple(found)


def training(
    metrics: Path | None,
    samples: Path | None,
    origin: str,
    pretraining_iterations: int | None = None,
    losses: Sequence[str] | None = None,
) -> Section | None:
    """Losses over training and pictures of it; None where there is neither.

    Args:
        metrics: metrics.csv.
        samples: the folder of sample grids.
        losses: the columns that are losses; None = all that aren't counters.
    """
    blocks: list[Block] = []
    if metrics is not None:
        light, dark = (
            figures.loss_curves(metrics, pretraining_iterations, losses, theme=theme).encode()
            for theme in (LIGHT, DARK)
        )
        picture = Picture(light=light, dark=dark, alt="Line charts of each loss.", media_type="image/svg+xml")
        caption = (
            "Losses over training: logged points, and their moving average over a twentieth of them. Axes are "
            f"logarithmic where a loss spans a factor of ten.{origin}"
        )
        blocks.append(Figure(picture, caption))
    frames = figures.training_progress(samples) if samples is not None else ()
    if frames:
        caption = f"Samples on the same inputs over training.{origin}"
        blocks.append(Gallery(tuple(_frame(frame) for frame in frames), caption))
    return Section("training", "Training", tuple(blocks)) if blocks else None


def columns(metrics: Path) -> tuple[str, ...]:
    """The names of a metrics.csv."""
    with metrics.open(encoding="utf-8") as file:
        return tuple(file.readline().strip().split(","))


def _frame(frame: figures.Frame) -> Figure:
    label = f"{frame.iteration:,} iterations"
    picture = Picture(light=frame.png, alt=f"Samples after {label}.", media_type="image/png", width=frame.width)
    return Figure(picture, label)


def png_width(png: bytes) -> int:
    """Width in px, from the header (PNG specification, 11.2.1)."""
    return int(struct.unpack(">I", png[16:20])[0])
