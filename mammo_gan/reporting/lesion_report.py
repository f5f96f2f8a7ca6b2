"""What the report of an experiment that draws lesions holds, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo_gan.reporting import facts, sections
from mammo_gan.reporting.figures import DARK, LIGHT
from mammo_gan.reporting.figures.distance import distance_curve
from mammo_gan.reporting.figures.embedding import embedding_scatter
from mammo_gan.reporting.figures.realism import realism_grids
from mammo_gan.reporting.html import Figure, Picture, Report, Section
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results

SIDE = 8  # patches along a side of each grid (Figure 12)
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


def lesion_report(results: Results, paper: Paper, sources: Sources) -> Report:
    """The report of a run: patches first, then values, feature space, training, facts and the paper's open points.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    origin = sections.origin(results)
    columns = () if sources.metrics is None else _columns(sources.metrics)
    parts = (
        _patches(sources, origin),
        facts.values(results, origin),
        _embedding(sources, origin),
        _distance(sources, columns, origin),
        sections.training(sources.metrics, sources.samples, origin, losses=[name for name in columns if "/" in name]),
        facts.run(results, origin, "Inception"),
        facts.readings(paper),
        facts.reproduction(results),
    )
    return Report(
        title=results.title,
        subtitle=f"mammo_gan · experiment {results.experiment} · after {paper.authors}, {paper.venue}",
        summary=sections.summary(results),
        banners=sections.banners(results, UNTRAINED),
        sections=tuple(part for part in parts if part is not None),
    )


def _columns(metrics: Path) -> tuple[str, ...]:
    with metrics.open(encoding="utf-8") as file:
        return tuple(file.readline().strip().split(","))


def _patches(sources: Sources, origin: str) -> Section | None:
    if sources.sample is None:
        return None
    light, dark = (realism_grids(sources.sample, SIDE, theme=theme) for theme in (LIGHT, DARK))
    alt = "A grid of synthetic patches beside one of real patches."
    caption = (
        f"Synthetic patches, and real ones of the training set, drawn at random and unselected. As the paper's Figure "
        f"12.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=sections.png_width(light) // 2)
    return Section("figure-12", "Figure 12: lesions drawn from noise", (Figure(picture, caption),))


def _embedding(sources: Sources, origin: str) -> Section | None:
    if sources.embedding is None:
        return None
    light, dark = (embedding_scatter(sources.embedding, theme=theme) for theme in (LIGHT, DARK))
    caption = (
        "Real and synthetic patches by t-SNE of their pixels. A picture has no p-value: the mixing rates and the AUC "
        f"above say in numbers how well the two mix. As the paper's Figure 10.{origin}"
    )
    alt = "A scatter of points, a marker for each group."
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png", width=sections.png_width(light) // 2)
    return Section("figure-10", "Figure 10: where synthetic patches lie among real ones", (Figure(picture, caption),))


def _distance(sources: Sources, columns: tuple[str, ...], origin: str) -> Section | None:
    names = [name.removesuffix("_mean") for name in columns if name.endswith("_mean")]
    if sources.metrics is None or not names:
        return None
    figures = []
    for name in names:
        light, dark = (distance_curve(sources.metrics, name, theme=theme).encode() for theme in (LIGHT, DARK))
        caption = (
            f"{name} of the training patches and of generated ones while the generator learns, and its running mean "
            f"over five values, by whose least the generator was kept. As the paper's Figure 8.{origin}"
        )
        alt = "A line of measured values and one of their running mean."
        figures.append(Figure(Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml"), caption))
    return Section("figure-8", "Figure 8: distance over training", tuple(figures))
