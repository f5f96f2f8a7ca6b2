"""What the report of a classifier holds, which real and perhaps synthetic patches have trained, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mammo_gan.reporting import facts, sections
from mammo_gan.reporting.figures import DARK, LIGHT, loss_curves
from mammo_gan.reporting.figures.roc import roc_curve
from mammo_gan.reporting.figures.table import read_columns
from mammo_gan.reporting.figures.validation import validation_curve
from mammo_gan.reporting.html import Block, Command, Figure, Picture, Report, Section, Table, Text
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results

LOSS = "classifier/cross_entropy"
SCORES = {"validation/f1": "F1", "validation/auc": "AUC"}
NORMAL = "normal"
STUDY = "python -m mammo_gan.run experiment=dcgan_augmentation_study runs=[FOLDER]"
UNTRAINED = (
    "the training of the generator that drew the synthetic patches was followed by an Inception that has seen no "
    "images, and so was the choice of its best iteration; nothing else here depends on it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the tables and pictures are drawn from.

    scores: scores.csv of the stage evaluate
    metrics: metrics.csv of the classifier's training
    best: the column of metrics by which the best iteration was kept, one of SCORES
    synthetic: patches that were trained on beside the real ones
    generated: PNG of some of them; None where no GAN took part
    """

    scores: Path
    metrics: Path
    best: str
    synthetic: int = 0
    generated: bytes | None = None


def classifier_report(results: Results, paper: Paper, sources: Sources) -> Report:
    """The report of a run: values, ROC curve, what was trained on, training, facts and the paper's open points.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    origin = sections.origin(results)
    parts = (
        facts.values(results, origin),
        _roc(sources, origin),
        _trained_on(results, sources, origin),
        _training(sources, origin),
        _study(results),
        facts.run(results, origin, "Inception"),
        facts.readings(paper),
        facts.reproduction(results),
    )
    told = ", ".join(f"{name}={value}" for name, value in results.settings.items())
    page = sections.page(results, paper, parts, UNTRAINED)
    return replace(page, title=f"{page.title}: {told}" if told else page.title)


def _roc(sources: Sources, origin: str) -> Section | None:
    drawn = [roc_curve(sources.scores, theme=theme) for theme in (LIGHT, DARK)]
    light, dark = (None if text is None else text.encode() for text in drawn)
    if light is None:
        return None
    alt = "A curve from the lower left to the upper right corner."
    picture = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml", width=440)
    caption = f"Test patches: every threshold on the classifier's probability, that of the F1 score as a point.{origin}"
    return Section("roc", "ROC curve", (Figure(picture, caption),))


def _trained_on(results: Results, sources: Sources, origin: str) -> Section:
    """Counts of real and synthetic patches, and some of the latter to look at."""
    trained = [count for count in results.data.patches if count.split == "train"]
    rows = [(count.label, "real", f"{count.patches:,}", f"{count.patients:,}") for count in trained]
    if sources.synthetic:
        learnt = " and ".join(count.label for count in trained if count.label != NORMAL)
        rows.append((learnt, "synthetic", f"{sources.synthetic:,}", ""))
    table = Table(
        caption=f"Patches that the classifier was trained on, an epoch.{origin}",
        headings=("class", "origin", "patches", "patients"),
        rows=tuple(rows),
        numeric=frozenset({2, 3}),
    )
    blocks: list[Block] = [table]
    if sources.generated is not None:
        picture = Picture(
            light=sources.generated,
            alt="A square grid of synthetic patches.",
            media_type="image/png",
            width=sections.png_width(sources.generated) // 2,
        )
        caption = f"The first of the synthetic patches, unselected. As the paper's Figure 15.{origin}"
        blocks.append(Figure(picture, caption))
    return Section("trained-on", "What the classifier learnt from", tuple(blocks))


def _training(sources: Sources, origin: str) -> Section:
    light, dark = (validation_curve(sources.metrics, sources.best, theme=theme).encode() for theme in (LIGHT, DARK))
    alt = "A line of a score over iterations, its highest point marked."
    kept = Picture(light=light, dark=dark, alt=alt, media_type="image/svg+xml")
    score = SCORES[sources.best]
    caption = f"{score} of the validation patches while the classifier learns; the marked one was kept.{origin}"
    blocks: list[Block] = [Figure(kept, caption)]
    if any(read_columns(sources.metrics, ("iteration",)).get(LOSS, [])):  # a short training logs no loss
        light, dark = (loss_curves(sources.metrics, None, [LOSS], theme=theme).encode() for theme in (LIGHT, DARK))
        loss = Picture(light=light, dark=dark, alt="A line of a loss over iterations.", media_type="image/svg+xml")
        blocks.append(Figure(loss, f"Binary cross-entropy of the training batches, and its moving average.{origin}"))
    return Section("training", "Training", tuple(blocks))


def _study(results: Results) -> Section:
    told = ", ".join(f"{name} = {value}" for name, value in results.settings.items())
    return Section(
        "study",
        "The study that this is a part of",
        (
            Text(
                f"This is one job ({told}). Its numbers mean something beside those of the other modes and folds; this "
                "gathers all that are done, FOLDER being the folder that their results went to:"
            ),
            Command(STUDY),
        ),
    )
