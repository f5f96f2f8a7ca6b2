"""What is said before a long training can be read and is of the right size."""

from __future__ import annotations

import pytest

from mammo_gan.stages.training.forecast import Forecast, duration, size


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(20, "1 minute"), (600, "10 minutes"), (3 * 3600, "3 hours"), (10 * 86400, "10 days")],
)
def test_durations_read_well(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(1, "1 MiB"), (300 * 2**20, "300 MiB"), (3 * 2**29, "1.5 GiB")])
def test_sizes_read_well(count: int, expected: str) -> None:
    assert size(count) == expected


def test_a_forecast_names_time_memory_disk_and_device() -> None:
    said = str(Forecast(seconds=7200, memory=2**30, disk=2**20, device="cpu"))
    assert all(part in said for part in ("2 hours", "1.0 GiB of memory", "1 MiB of disk", "cpu"))
