from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_gan.reporting.figures import training_progress


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for iteration in range(0, 1100, 100):
        Image.fromarray(rng.integers(0, 256, (40, 60), np.uint8)).save(tmp_path / f"{iteration:07d}.png")
    (tmp_path / "notes.png").write_bytes(b"not a sample grid")
    return tmp_path


def test_first_and_last_are_among_evenly_spread_frames(samples: Path) -> None:
    frames = training_progress(samples, count=3)
    assert [frame.iteration for frame in frames] == [0, 500, 1000]
    assert {(frame.width, frame.height) for frame in frames} == {(60, 40)}


def test_pixels_stay_as_they_were(samples: Path) -> None:
    (frame,) = training_progress(samples, count=1)
    assert frame.iteration == 1000
    drawn, kept = Image.open(io.BytesIO(frame.png)), Image.open(samples / "0001000.png")
    assert np.array_equal(np.asarray(drawn), np.asarray(kept))


def test_fewer_frames_where_they_are_large_but_always_the_last(samples: Path) -> None:
    size = len(training_progress(samples, count=1)[0].png)
    assert [frame.iteration for frame in training_progress(samples, count=4, limit=int(2.5 * size))] == [0, 1000]
    assert [frame.iteration for frame in training_progress(samples, count=4, limit=1)] == [1000]


def test_no_folder_gives_no_frames(tmp_path: Path) -> None:
    assert training_progress(tmp_path / "absent") == ()
