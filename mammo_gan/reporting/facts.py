"""The report's sections of numbers and words, for any experiment."""

from __future__ import annotations

from mammo_gan.reporting.html import Command, Facts, Section, Table, Text
from mammo_gan.reporting.papers import Choice, Paper, PaperResult
from mammo_gan.reporting.results import Results, StageRun, Value


def values(results: Results, origin: str) -> Section | None:
    """Ours beside the paper's, a table for each protocol; None where nothing was measured."""
    if not results.values:
        return None
    groups: dict[str, list[Value]] = {}
    for value in results.values:
        groups.setdefault(value.name.partition("/")[0], []).append(value)
    data = f"Data: {results.archive}, {results.source}; scale={results.scale}.{origin}"
    tables = tuple(
        Table(
            caption=f"{protocol}. {data}",
            headings=("value", "ours", "95 % interval", "n", "the paper's", "note"),
            rows=tuple(_value_row(value) for value in group),
            numeric=frozenset({1, 2, 3, 4}),
        ).without_empty_columns()
        for protocol, group in groups.items()
    )
    return Section("values", "Values", tables)


def _value_row(value: Value) -> tuple[str, ...]:
    ours = "not measured" if value.value is None else f"{_number(value.value)} {value.unit}".rstrip()
    interval = "" if value.interval is None else f"{_number(value.interval[0])} to {_number(value.interval[1])}"
    count = "" if value.n is None else f"{value.n:,}"
    place = f" ({value.figure_or_table})" if value.figure_or_table else ""
    papers = "" if value.paper_value is None else f"{_number(value.paper_value)} {value.unit}".rstrip() + place
    return value.label, ours, interval, count, papers, value.note


def run(results: Results, origin: str, network: str | None, whole: bool = False) -> Section:
    """What was run on what: data, seeds, device, times, code.

    Args:
        network: the one whose weights were needed; None = none was.
        whole: images are whole ones, counted by their views, not patches.
    """
    data = results.data
    counts = Table(
        caption=f"Patches by split and class, and what they were cut from.{origin}",
        headings=("split", "class", "patients", "images", "patches"),
        rows=tuple((c.split, c.label, f"{c.patients:,}", f"{c.images:,}", f"{c.patches:,}") for c in data.patches),
        numeric=frozenset({2, 3, 4}),
    )
    if whole:
        counts = Table(
            caption=f"Images by split and view.{origin}",
            headings=("split", "view", "patients", "images"),
            rows=tuple((c.split, c.label, f"{c.patients:,}", f"{c.images:,}") for c in data.patches),
            numeric=frozenset({2, 3}),
        )
    selection = Table(
        caption=f"Images left out by each rule of the selection.{origin}",
        headings=("rule", "images"),
        rows=tuple((step.rule, f"{step.removed:,}") for step in data.selection),
        numeric=frozenset({1}),
    )
    stages = Table(
        caption="Stages of the run, and the time that each took.",
        headings=("stage", "key", "time"),
        rows=tuple((s.name, s.key, _stage_time(s)) for s in results.stages),
        numeric=frozenset({2}),
    )
    tables = tuple(table for table in (counts, selection, stages) if table.rows)
    warnings = tuple(Text(warning) for warning in data.warnings)
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return Section(
        "run", "The run", (Facts(_facts(results, network)), *tables, *warnings, Text(f"Versions: {versions}."))
    )


def _facts(results: Results, network: str | None) -> tuple[tuple[str, str], ...]:
    data = results.data
    speed = "not trained" if results.images_per_second is None else f"{_number(results.images_per_second)} images/s"
    return (
        ("archive", f"{results.archive}, {results.source}"),
        ("patients", f"{data.patients:,}"),
        ("images", f"{data.images:,}; {data.faulty:,} faulty files left out"),
        ("scale, preset", f"{results.scale}, {results.preset}"),
        ("seed", str(results.seed)),
        ("split hash", results.split_hash),
        *(() if network is None else (("feature network", f"{network}, {results.weights.name}"),)),
        ("device, precision", f"{results.device}, {results.precision}"),
        ("training speed", speed),
        *((f"parameters of the {name}", f"{count:,}") for name, count in results.parameters.items()),
        ("commit", results.commit or "not from a checkout"),
    )


def _stage_time(stage: StageRun) -> str:
    return f"{_duration(stage.seconds)}, earlier" if stage.skipped else _duration(stage.seconds)


def readings(paper: Paper) -> Section:
    """The paper's tables and figures, and how its open points were read."""
    table = Table(
        caption=f"{paper.title} ({paper.authors}, {paper.venue}; {paper.link}): its tables and figures.",
        headings=("in the paper", "what", "its value", "here"),
        rows=tuple(_paper_row(row) for row in paper.results),
        numeric=frozenset({2}),
    )
    assumptions = _choices("Assumptions: points that the paper leaves open.", paper.assumptions)
    deviations = _choices("Deviations: points where ours differs from the paper.", paper.deviations)
    choices = tuple(choice for choice in (assumptions, deviations) if choice.rows)
    return Section("paper", "The paper, and how we read it", (Text(paper.idea), table, *choices))


def _paper_row(row: PaperResult) -> tuple[str, ...]:
    value = "" if row.value is None else f"{_number(row.value)} {row.unit}".rstrip()
    return row.item, row.label, value, f"{row.state}: {row.note}" if row.note else row.state


def _choices(caption: str, choices: tuple[Choice, ...]) -> Table:
    return Table(
        caption=caption,
        headings=("point", "the paper", "the authors' code", "ours"),
        rows=tuple((choice.topic, choice.paper, choice.published, choice.ours) for choice in choices),
        prose=True,
    ).without_empty_columns()


def reproduction(results: Results) -> Section:
    """The command to make it again."""
    commit, changes, _ = (results.commit or "").partition("+changes")
    had_changes = ", whose files had changes that were not committed" if changes else ""
    where = f"In a checkout of commit {commit}{had_changes}:" if commit else "With the versions above:"
    data = (
        "The phantom archive is drawn anew from its seed."
        if results.source == "phantom"
        else "PATH stands for a folder of yours; an equal split hash says that the patients were dealt alike."
    )
    return Section("reproduce", "How to make it again", (Text(where), Command(results.command), Text(data)))


def _number(value: float) -> str:
    """Four significant digits, with thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
