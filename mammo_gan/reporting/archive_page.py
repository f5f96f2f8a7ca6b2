"""An archive on one page: what it holds, what is left out and why, what is odd about the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mammo_gan.archives.records import Mammogram
from mammo_gan.reporting.html import Banner, Facts, Figure, Gallery, Picture, Report, Section, Table, Text

SHOWN = 60  # pictures and rows of each kind; integrity.json has all
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is left out, or odd. `thumbnail` is a PNG; None where the file can't be decoded."""

    file: str
    what: str
    found: str
    expected: str = ""
    advice: str = ""
    thumbnail: bytes | None = None


def archive_page(
    archive: str, records: Sequence[Mammogram], faults: Sequence[Finding], remarks: Sequence[Finding]
) -> Report:
    """The page.

    Args:
        archive: its layout's name.
        records: of all images that can be used.
        faults: files that are left out.
        remarks: oddities of images that are kept.
    """
    patients = len({record.patient for record in records})
    return Report(
        title=f"Archive: {archive}",
        subtitle="What it holds, and what is wrong with it",
        summary=f"{len(records):,} images of {patients:,} patients can be used, {len(faults):,} files are left out, "
        f"{len(remarks):,} images are worth a look.",
        banners=(Banner("note", "Not for sharing", "File names may tell who a patient is."),),
        sections=tuple(
            section for section in (_counts(records, patients), _left_out(faults), _odd(remarks)) if section is not None
        ),
    )


def _counts(records: Sequence[Mammogram], patients: int) -> Section:
    lesions = [lesion for record in records for lesion in record.lesions]
    kinds: list[tuple[str, Counter[str]]] = [
        ("view", Counter(record.view or UNKNOWN for record in records)),
        ("side", Counter(record.laterality or UNKNOWN for record in records)),
        ("density", Counter(record.density or record.tissue or UNKNOWN for record in records)),
        ("images by lesions on them", Counter(str(len(record.lesions)) for record in records)),
        ("lesion", Counter(lesion.kind for lesion in lesions)),
        ("label of lesions", Counter(lesion.pathology for lesion in lesions)),
        ("lesions with a mask", Counter("mask" if lesion.has_mask else "no mask" for lesion in lesions)),
        ("images a patient", Counter(map(str, Counter(record.patient for record in records).values()))),
    ]
    rows = tuple((kind, value, f"{count:,}") for kind, counts in kinds for value, count in sorted(counts.items()))
    table = Table(
        caption="Images and lesions that can be used.", headings=("of", "", "count"), rows=rows, numeric=frozenset({2})
    )
    facts = Facts((("images", f"{len(records):,}"), ("patients", f"{patients:,}"), ("lesions", f"{len(lesions):,}")))
    return Section("counts", "What is there", (facts, table))


def _left_out(faults: Sequence[Finding]) -> Section | None:
    if not faults:
        return None
    table = Table(
        caption=_caption("Files that are left out", len(faults)),
        headings=("file", "fault", "expected", "found", "what to do"),
        rows=tuple((f.file, f.what, f.expected, f.found, f.advice) for f in faults[:SHOWN]),
        prose=True,
    )
    return Section("faults", "Left out", (_kinds(faults), table, *_pictures(faults)))


def _odd(remarks: Sequence[Finding]) -> Section | None:
    if not remarks:
        return None
    table = Table(
        caption=_caption("Images that are used and worth a look", len(remarks)),
        headings=("file", "oddity", "found"),
        rows=tuple((remark.file, remark.what, remark.found) for remark in remarks[:SHOWN]),
        prose=True,
    )
    return Section("remarks", "Worth a look", (_kinds(remarks), table, *_pictures(remarks)))


def _kinds(findings: Sequence[Finding]) -> Text:
    counts = Counter(finding.what for finding in findings)
    return Text("; ".join(f"{what}: {count:,}" for what, count in counts.most_common()) + ".")


def _pictures(findings: Iterable[Finding]) -> tuple[Gallery, ...]:
    figures = tuple(
        Figure(Picture(light=f.thumbnail, alt=f"{f.file}: {f.what}", media_type="image/png"), f"{f.what}: {f.file}")
        for f in findings
        if f.thumbnail is not None
    )
    caption = "Those that can be decoded, with the boxes of their lesions."
    return (Gallery(figures[:SHOWN], caption),) if figures else ()


def _caption(what: str, count: int) -> str:
    return (
        f"{what}: {count:,}." if count <= SHOWN else f"{what}: the first {SHOWN} of {count:,}; integrity.json has all."
    )
