"""What the report of an experiment that draws whole mammograms holds, and in which order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mammo_gan.reporting import facts, sections
from mammo_gan.reporting.figures import DARK, LIGHT, loss_curves, moment_histograms
from mammo_gan.reporting.figures.growth import last_of_each_stage
from mammo_gan.reporting.figures.mammograms import outlier_sheet, pair_sheet
from mammo_gan.reporting.figures.table import read_columns
from mammo_gan.reporting.html import Block, Facts, Figure, Gallery, Picture, Report, Section, Text
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results
from mammo_gan.reporting.swd_table import is_swd, swd_section
from mammo_gan.reporting.video_section import video_section

OUTLIERS = 8  # pictures of them
_DISTANCE = re.compile(r"^swd(_\d+)?_\d+x\d+(_average)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files that the pictures are drawn from, and what was made.

    sample: folder of pairs of the stage evaluate; moments: its moments.csv
    metrics: metrics.csv of the training; samples: its folder of sample grids; begun: see `growth.last_of_each_stage`
    pruning, pruned: table and summary of the stage prune; synthesised: folder of the stage synthesize
    images: counts of real, synthetic and kept images; size: height and width of each, px
    videos: folder of the stage videos; None = there was none
    """

    sample: Path
    moments: Path
    metrics: Path
    samples: Path
    begun: tuple[int, ...]
    pruning: Path
    pruned: Path
    synthesised: Path
    images: dict[str, int]
    size: tuple[int, int]
    videos: Path | None = None


def mammogram_report(results: Results, paper: Paper, sources: Sources) -> Report:
    """The report of a run: pictures first, then moments, distances, growth, training, pruning, facts and open points.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    origin = sections.origin(results)
    others = replace(results, values=tuple(value for value in results.values if not is_swd(value)))
    losses = [name for name in sections.columns(sources.metrics) if "/" in name]
    parts = (
        _pairs(sources, origin),
        _moments(sources, origin),
        swd_section(results, origin),
        facts.values(others, origin),
        _growth(sources, origin),
        sections.training(sources.metrics, None, origin, losses=losses) if losses else None,
        _distance(sources, origin),
        _pruning(sources, origin),
        None if sources.videos is None else video_section(sources.videos, origin),
        facts.run(results, origin, None, whole=True),
        facts.readings(paper),
        facts.reproduction(results),
    )
    return replace(sections.page(results, paper, parts, ""), summary=_summary(results, sources))


def _summary(results: Results, sources: Sources) -> str:
    trained = sum(count.images for count in results.data.patches if count.split == "train")
    height, width = sources.size
    return (
        f"{sources.images['synthetic']:,} mammograms of {height}x{width} px drawn by a generator that was trained on "
        f"{trained:,} mammograms of {sections.archive(results)} ({results.data.patients:,} patients in all splits), "
        f"scale={results.scale}, preset={results.preset}, seed {results.seed}."
    )


def _pairs(sources: Sources, origin: str) -> Section:
    light, dark = (pair_sheet(sources.sample, theme) for theme in (LIGHT, DARK))
    alt = "Pairs of mammograms, a synthetic one on the left and a real one on the right."
    caption = (
        "Synthetic mammograms, drawn at random and unselected, each beside a real one of the view and density that it "
        f"was asked for, as far as there is one. As the paper's Figure 3.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/png")
    return Section("figure-3", "Figure 3: synthetic and real mammograms", (Figure(picture, caption),))


def _moments(sources: Sources, origin: str) -> Section:
    light, dark = (moment_histograms(sources.moments, theme).encode() for theme in (LIGHT, DARK))
    alt = "Histograms of five moments, real and synthetic."
    caption = (
        "First five moments of each image's grey levels, black being 0 and white 1, with medians. As the paper's "
        f"Figure 2.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml")
    return Section("figure-2", "Figure 2: moments of real and synthetic images", (Figure(picture, caption),))


def _growth(sources: Sources, origin: str) -> Section | None:
    grids = last_of_each_stage(sources.samples, sources.begun)
    if not grids:
        return None
    finest, figures = len(sources.begun) - 1, []
    for grid in grids:
        height, width = (side // 2 ** (finest - grid.stage) for side in sources.size)
        label = f"stage {grid.stage}, {height}x{width} px, after {grid.iteration:,} iterations"
        picture = Picture(light=grid.png, alt=f"Samples of {label}.", media_type="image/png", width=grid.width)
        figures.append(Figure(picture, label))
    caption = f"The last samples of each resolution, of the same noise. As the paper's Figure 1.{origin}"
    return Section("figure-1", "Figure 1: progressive training", (Gallery(tuple(figures), caption),))


def _distance(sources: Sources, origin: str) -> Section | None:
    """Of the averaged generator where that was measured, for it is the one that is kept."""
    names = [name for name in sections.columns(sources.metrics) if _DISTANCE.match(name)]
    names = [name for name in names if f"{name}_average" not in names]
    table = read_columns(sources.metrics, tuple(names))
    if not any(any(table[name]) for name in names):
        return None
    light, dark = (loss_curves(sources.metrics, None, names, theme).encode() for theme in (LIGHT, DARK))
    alt = "Line charts of the distance at each resolution."
    caption = (
        "Sliced Wasserstein distance of generated and real training images at each resolution that the networks grow "
        "to, named after the number of images and the size, and its moving average. Only values of one size compare; "
        f"the least at the finest tells the best generator.{origin}"
    )
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml")
    return Section("distance", "Distance over training", (Figure(picture, caption),))


def _pruning(sources: Sources, origin: str) -> Section:
    said: dict[str, Any] = json.loads(sources.pruned.read_text(encoding="utf-8"))
    if said["reason"]:
        return Section("pruning", "Pruning", (Text(f"No image was pruned: {said['reason']}."),))
    by_moment = ", ".join(f"{moment} {count:,}" for moment, count in said["by_moment"].items()) or "none"
    rows = (
        ("kept", f"up to a distance of {said['limit']:.4g}, as {100 * said['quantile']:g} % of the real images"),
        ("measured against", f"{said['real']:,} real training images"),
        ("pruned", f"{said['removed']:,} of {said['images']:,} images"),
        ("by the moment that deviates most", by_moment),
    )
    words = (
        "An image's distance is Mahalanobis', of its five moments from the centre of the real ones'. The paper leaves "
        "pruning to future work; no image was deleted."
    )
    blocks: list[Block] = [Facts(rows), Text(words)]
    drawn = [outlier_sheet(sources.pruning, sources.synthesised, OUTLIERS, theme) for theme in (LIGHT, DARK)]
    if drawn[0] is not None:
        alt = "Pruned synthetic mammograms."
        picture = Picture(light=drawn[0], dark=drawn[1], alt=alt, media_type="image/png")
        caption = f"The farthest first, each with the moment that deviates most from the real images'.{origin}"
        blocks.append(Figure(picture, caption))
    return Section("pruning", "Pruning", tuple(blocks))
