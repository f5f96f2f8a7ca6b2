"""What the report of an infilling experiment holds, and in which order."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from mammo_gan.reporting import facts, figures
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.html import (
    Banner,
    Block,
    Figure,
    Gallery,
    Picture,
    Report,
    Section,
)
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files that the pictures are drawn from; None where the run did not reach that stage."""

    examples: Path | None = None  # folder of the stage synthesize
    metrics: Path | None = None  # metrics.csv of the training
    samples: Path | None = None  # folder of sample grids of the training
    moments: Path | None = None  # moments.csv of the stage evaluate
    pretraining_iterations: int | None = None


def infill_report(results: Results, paper: Paper, sources: Sources) -> Report:
    """The report of a run: Figure 1 first, then values, training, the run's facts, the paper's open points.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    origin = " Phantom data." if results.source == "phantom" else ""
    sections = (
        _figure_1(sources, origin),
        facts.values(results, origin),
        _training(sources, origin),
        _moments(sources, origin),
        facts.run(results, origin),
        facts.readings(paper),
        facts.reproduction(results),
    )
    return Report(
        title=results.title,
        subtitle=f"mammo_gan · experiment {results.experiment} · after {paper.authors}, {paper.venue}",
        summary=_summary(results),
        banners=_banners(results),
        sections=tuple(section for section in sections if section is not None),
    )


def _summary(results: Results) -> str:
    patches = sum(count.patches for count in results.data.patches if count.split == "train")
    archive = (
        f"a phantom archive in the layout of {results.archive}" if results.source == "phantom" else results.archive
    )
    return (
        f"Trained on {patches:,} patches of {archive} ({results.data.patients:,} patients in all splits), "
        f"scale={results.scale}, preset={results.preset}, seed {results.seed}."
    )


def _banners(results: Results) -> tuple[Banner, ...]:
    banners = []
    if results.source == "phantom":
        headline, text = "Made from phantom data:", "it shows that the software runs and says nothing about patients."
        banners.append(Banner("warning", headline, text))
    if results.weights.random:
        text = (
            "the feature loss and every value named random_features use a VGG-19 that has seen no images; neither "
            "compares with the paper."
        )
        banners.append(Banner("warning", "Untrained feature network:", text))
    if results.scale != "paper":
        text = "sizes, counts and iterations are reduced, so values are not the paper's protocol."
        banners.append(Banner("note", f"scale={results.scale}:", text))
    return tuple(banners)


def _figure_1(sources: Sources, origin: str) -> Section | None:
    if sources.examples is None:
        return None
    light, dark = (figures.figure_grid(sources.examples, theme=theme) for theme in (LIGHT, DARK))
    alt = "Rows of mammogram patches: the original, the input with noise in the mask, the synthetic patch."
    caption = (
        "Each row: a patch, the input to ciGAN (its lesion mask filled with noise), and the synthetic patch of the "
        f"opposite class; the first examples of each direction, unselected. As the paper's Figure 1.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=_png_width(light) // 2)
    return Section("figure-1", "Figure 1: lesions exchanged", (Figure(picture, caption),))


def _training(sources: Sources, origin: str) -> Section | None:
    blocks: list[Block] = []
    if sources.metrics is not None:
        light, dark = (
            figures.loss_curves(sources.metrics, sources.pretraining_iterations, theme=theme).encode()
            for theme in (LIGHT, DARK)
        )
        picture = Picture(light=light, dark=dark, alt="Line charts of each loss.", media_type="image/svg+xml")
        caption = (
            "Losses over training: logged points, and their moving average over a twentieth of them. Axes are "
            f"logarithmic where a loss spans a factor of ten.{origin}"
        )
        blocks.append(Figure(picture, caption))
    frames = figures.training_progress(sources.samples) if sources.samples is not None else ()
    if frames:
        caption = f"Samples on the same inputs over training.{origin}"
        blocks.append(Gallery(tuple(_frame(frame) for frame in frames), caption))
    return Section("training", "Training", tuple(blocks)) if blocks else None


def _frame(frame: figures.Frame) -> Figure:
    label = f"{frame.iteration:,} iterations"
    picture = Picture(light=frame.png, alt=f"Samples after {label}.", media_type="image/png", width=frame.width)
    return Figure(picture, label)


def _moments(sources: Sources, origin: str) -> Section | None:
    if sources.moments is None:
        return None
    light, dark = (figures.moment_histograms(sources.moments, theme=theme).encode() for theme in (LIGHT, DARK))
    alt = "Histograms of mean, variance, skewness, kurtosis and hyperskewness of real and synthetic patches."
    caption = (
        "First five moments of the pixel values, real against synthetic patches, by class (as korkinof2019, Figure 2); "
        f"dashed lines are medians, and the outermost bins hold all values beyond them.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml")
    return Section("moments", "Real and synthetic pixel statistics", (Figure(picture, caption),))


def _png_width(png: bytes) -> int:
    """Width in px, from the header (PNG specification, 11.2.1)."""
    return int(struct.unpack(">I", png[16:20])[0])
