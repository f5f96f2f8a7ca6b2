"""A measured value as a stage hands it on."""

from __future__ import annotations

from typing import Any


def described(
    name: str,
    label: str,
    value: float | None,
    *,
    n: int,
    note: str,
    unit: str = "",
    interval: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """`reporting.results.Value`'s fields. `name` fixes the protocol; where `value` is None, `note` says why."""
    return {"name": name, "label": label, "value": value, "unit": unit, "n": n, "interval": interval, "note": note}
