"""One measured value in the form in which results.json keeps it."""

from __future__ import annotations

from typing import Any


def as_value(
    name: str,
    label: str,
    value: float | None,
    *,
    n: int,
    note: str,
    unit: str = "",
    interval: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """`name` is PROTOCOL/..., `label` what a reader calls it, `n` what it was measured on, `interval` one of 95 %."""
    return {"name": name, "label": label, "value": value, "unit": unit, "n": n, "interval": interval, "note": note}
