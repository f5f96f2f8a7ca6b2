"""The sliced Wasserstein distance at each level of the pyramid, beside its floor, as one table."""

from __future__ import annotations

from mammo_gan.reporting.html import Section, Table, Text
from mammo_gan.reporting.results import Results, Value

_PAIRS = {
    "real_real": "real from real, the floor",
    "synthetic_first": "synthetic from one half of the real",
    "synthetic_second": "from the other half",
    "kept_first": "after pruning, from one half",
    "kept_second": "from the other half",
}


def is_swd(value: Value) -> bool:
    """Whether a value is a sliced Wasserstein distance, as `evaluation.swd_comparison` names it."""
    protocol, *rest = value.name.split("/")
    return len(rest) == 2 and protocol.partition("_")[0] == "swd"


def swd_section(results: Results, origin: str) -> Section | None:
    """A row for each level and for their mean, a column for each comparison; None where there are no such values."""
    values = [value for value in results.values if is_swd(value)]
    if not values:
        return None
    protocol = values[0].name.partition("/")[0]
    found = {tuple(value.name.split("/")[1:]): value for value in values}
    pairs = [pair for pair in _PAIRS if (pair, "mean") in found]
    levels = [level for pair, level in found if pair == pairs[0]]
    table = Table(
        caption=(
            f"{protocol}: sliced Wasserstein distance, times 1000, at each level of the Laplacian pyramid. Halves of "
            f"the real images share no patient; {values[0].note}.{origin}"
        ),
        headings=("level", *(_PAIRS[pair] for pair in pairs)),
        rows=tuple((_level(level), *(_number(found[pair, level]) for pair in pairs)) for level in levels),
        numeric=frozenset(range(1, 1 + len(pairs))),
    )
    words = (
        "Low is alike. Fine levels speak of texture, the coarsest of the large structures. A distance falls as images "
        "are added, so values compare only with others over as many, and none comes below its floor but by chance."
    )
    return Section("swd", "Sliced Wasserstein distance", (table, Text(words)))


def _level(name: str) -> str:
    return "mean of the levels" if name == "mean" else f"{name.removeprefix('level_')} px"


def _number(value: Value) -> str:
    return "not measured" if value.value is None else f"{value.value:.4g}"
