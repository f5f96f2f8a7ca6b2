"""What the report of an infilling experiment holds, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo_gan.reporting import facts, figures, sections
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.html import Figure, Picture, Report, Section
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results

UNTRAINED = (
    "the feature loss and every value named random_features use a VGG-19 that has seen no images; neither compares "
    "with the paper."
)


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
    origin = sections.origin(results)
    parts = (
        _figure_1(sources, origin),
        facts.values(results, origin),
        sections.training(sources.metrics, sources.samples, origin, sources.pretraining_iterations),
        _moments(sources, origin),
        facts.run(results, origin, "VGG-19"),
        facts.readings(paper),
        facts.reproduction(results),
    )
    return sections.page(results, paper, parts, UNTRAINED)


def _figure_1(sources: Sources, origin: str) -> Section | None:
    if sources.examples is None:
        return None
    light, dark = (figures.figure_grid(sources.examples, theme=theme) for theme in (LIGHT, DARK))
    alt = "Rows of mammogram patches: the original, the input with noise in the mask, the synthetic patch."
    caption = (
        "Each row: a patch, the input to ciGAN (its lesion mask filled with noise), and the synthetic patch of the "
        f"opposite class; the first examples of each direction, unselected. As the paper's Figure 1.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=sections.png_width(light) // 2)
    return Section("figure-1", "Figure 1: lesions exchanged", (Figure(picture, caption),))


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
