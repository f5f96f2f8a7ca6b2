"""What the report on a folder of images holds: that of lesions drawn here, less what their training would say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mammo_gan.reporting import sections
from mammo_gan.reporting.html import Facts, Report, Section, Text
from mammo_gan.reporting.lesion_report import Shown, Sources, lesion_report
from mammo_gan.reporting.papers import Paper
from mammo_gan.reporting.results import Results

UNTRAINED = (
    "every distance named random_features is over an Inception that has seen no images; none compares with others'."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What may be said of a folder: neither its name nor a file's, which could be a patient's.

    Args:
        images: how many it holds.
        sha256: over their names and bytes.
        resized: how many were of another size than the real patches.
        real: patches that they were compared with.
    """

    images: int
    sha256: str
    resized: int
    real: int


def judgement_report(results: Results, paper: Paper, sources: Sources, shown: Shown, judged: Judged) -> Report:
    """The report of a run: the images, then patches, values, feature space, facts, and the command.

    Raises:
        UserError: a file of `sources` is missing or broken.
    """
    report = lesion_report(results, paper, sources, shown)
    parts = (part for part in report.sections if part.name != "paper")  # it tells how the paper's GAN was read
    return replace(
        report,
        subtitle=f"mammo_gan · experiment {results.experiment} · measures of {paper.authors}, {paper.venue}",
        summary=_summary(results, judged),
        banners=sections.banners(results, UNTRAINED),
        sections=(_images(judged), *parts),
    )


def _summary(results: Results, judged: Judged) -> str:
    return (
        f"{judged.images:,} images of a folder judged against {judged.real:,} patches of {sections.archive(results)} "
        f"({results.data.patients:,} patients in all splits), scale={results.scale}, seed {results.seed}."
    )


def _images(judged: Judged) -> Section:
    rows = (
        ("images", f"{judged.images:,}, a folder of images"),
        ("sha256 of names and bytes", judged.sha256),
        ("of another size, and resized", f"{judged.resized:,}"),
        ("real patches", f"{judged.real:,}"),
    )
    said = "Another program made them; what it was trained on is not known here. Below they are called synthetic."
    return Section("images", "The images", (Facts(rows), Text(said)))
