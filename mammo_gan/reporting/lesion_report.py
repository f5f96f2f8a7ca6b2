"""What the report of an experiment that draws lesions holds, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path

from mammo_gan.reporting import facts, sections
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.figures.distance import distance_curve
from mammo_gan.reporting.figures.embedding import embedding_scatter
from mammo_gan.reporting.figures.realism import realism_grids
from mammo_gan.reporting.html import Block, Figure, Picture, Report, Section
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results

CURVE_WIDTH = 640  # px on the page
AVERAGE = "_average"  # ends the name of what was measured of the averaged generator
UNTRAINED = (
    "every distance named random_features is over an Inception that has seen no images, and so was the choice of the "
    "best generator; none compares with the paper."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files that the pictures are drawn from; None where the run did not reach that stage."""

    sample: Path | None = None  # folder of real and synthetic patches of the stage evaluate
    embedding: Path | None = None  # embedding.csv of the stage evaluate
    metrics: Path | None = None  # metrics.csv of the training
    samples: Path | None = None  # folder of sample grids of the training


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the pictures are of, and which of the paper's figures each is as.

    Args:
        patches: of each set, in two squares.
        title: of the feature space, its groups in words.
        heading: of the patches.
        figures: of `sample`, `feature_space` and `distance`, as in "Figure 10"; None where the paper has none.
    """

    patches: int = 64
    title: str = "real and synthetic lesions"
    heading: str = "lesions drawn from noise"
    figures: Mapping[str, str | None] = field(default_factory=dict)

    def section(self, part: str, heading: str, blocks: tuple[Block, ...]) -> Section:
        """Headed and anchored by the paper's figure, or by its own words where the paper has none."""
        figure = self.figures.get(part)
        if figure is None:
            return Section(part.replace("_", "-"), _sentence(heading), blocks)
        return Section(figure.lower().replace(" ", "-"), f"{figure}: {heading}", blocks)

    def reference(self, part: str) -> str:
        """What a caption says of the paper's figure; nothing where there is none."""
        figure = self.figures.get(part)
        return "" if figure is None else f" As the paper's {figure}."


def lesion_report(results: Results, paper: Paper, sources: Sources, shown: Shown) -> Report:
    """The report of a run: patches first, then values, feature space, training, facts and the paper's open points.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    origin = sections.origin(results)
    columns = () if sources.metrics is None else sections.columns(sources.metrics)
    parts = (
        _patches(sources, shown, origin),
        facts.values(results, origin),
        _embedding(sources, shown, origin),
        _distance(sources, shown, columns, origin),
        sections.training(sources.metrics, sources.samples, origin, losses=[name for name in columns if "/" in name]),
        facts.run(results, origin, "Inception"),
        facts.readings(paper),
        facts.reproduction(results),
    )
    return sections.page(results, paper, parts, UNTRAINED)


def _patches(sources: Sources, shown: Shown, origin: str) -> Section | None:
    if sources.sample is None:
        return None
    light, dark = (realism_grids(sources.sample, isqrt(shown.patches), theme=theme) for theme in (LIGHT, DARK))
    alt = "A grid of synthetic patches beside one of real patches."
    caption = (
        "Synthetic patches, and real ones of the training set, drawn at random and unselected."
        f"{shown.reference('sample')}{origin}"
    )
    # The pair is as wide as the page, whatever that is.
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png")
    return shown.section("sample", shown.heading, (Figure(picture, caption),))


def _embedding(sources: Sources, shown: Shown, origin: str) -> Section | None:
    if sources.embedding is None:
        return None
    light, dark = (embedding_scatter(sources.embedding, theme=theme) for theme in (LIGHT, DARK))
    caption = (
        f"{_sentence(shown.title)} by t-SNE of their pixels. A picture has no p-value: the mixing rates and the AUC "
        f"above say in numbers how well the groups mix.{shown.reference('feature_space')}{origin}"
    )
    alt = "A scatter of points, a marker for each group."
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=sections.png_width(light) // 2)
    return shown.section("feature_space", shown.title, (Figure(picture, caption),))


def _distance(sources: Sources, shown: Shown, columns: tuple[str, ...], origin: str) -> Section | None:
    names = [name.removesuffix("_mean") for name in columns if name.endswith("_mean")]
    if sources.metrics is None or not names:
        return None
    figures = []
    for name in names:
        light, dark = (distance_curve(sources.metrics, name, theme=theme).encode() for theme in (LIGHT, DARK))
        by = "the averaged" if name.endswith(AVERAGE) else "the"
        kept = "" if f"{name}{AVERAGE}" in names else ", by whose least the generator was kept"
        caption = (
            f"{name.removesuffix(AVERAGE)} of the training patches and of those that {by} generator draws while it "
            f"learns, and its running mean over five values{kept}.{shown.reference('distance')}{origin}"
        )
        alt = "A line of measured values and one of their running mean."
        picture = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml", width=CURVE_WIDTH)
        figures.append(Figure(picture, caption))
    return shown.section("distance", "distance over training", tuple(figures))


def _sentence(words: str) -> str:
    """With a capital, and nothing else changed."""
    return words[:1].upper() + words[1:]
