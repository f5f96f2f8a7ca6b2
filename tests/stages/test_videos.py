"""The videos of an untrained generator, by the stage that makes them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.stages.videos import Videos
from mammo_gan.weights import checksum
from tests.stages import mammograms

SCHEDULE = {
    "_target_": "mammo_gan.schedules.progressive.ProgressiveSchedule",
    "stable": 8,
    "fading": 8,
    "batch_sizes": [4, 4, 4, 4],
    "learning_rate": 1e-3,
    "critic_iterations": [1, 2],
}
VIDEOS = {
    "generator": "average",
    "images": 2,
    "points": 3,
    "steps": 4,
    "frames": 8,
    "attributes": None,
    "interpolate": False,
    "per_second": 10,
    "height": 40,
    "format": "png",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return mammograms.write_inputs(tmp_path_factory.mktemp("run"))


def stage(seed: int = 1, **changes: Any) -> Videos:
    parts = {"g": mammograms.GENERATOR_SETTINGS, "a": mammograms.SCHEMA, "s": SCHEDULE, "v": VIDEOS | changes}
    cfg = OmegaConf.create(parts)
    unkeyed = OmegaConf.create({"accelerator": "cpu"})
    return Videos(["prepare/images", "train/mammogram"], cfg.g, cfg.a, cfg.s, cfg.v, seed=seed, unkeyed=unkeyed)


def made(inputs: dict[str, Path], folder: Path, seed: int = 1, **changes: Any) -> dict[str, bytes]:
    folder.mkdir()
    stage(seed, **changes).run(folder, mammograms.context(inputs, io.StringIO()))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def frames(video: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(video)) as opened:
        shown = []
        for number in range(opened.n_frames):  # type: ignore[attr-defined]
            opened.seek(number)
            shown.append(np.asarray(opened.convert("L")))
    return np.stack(shown)


def test_same_seed_same_files(inputs: dict[str, Path], tmp_path: Path) -> None:
    first = made(inputs, tmp_path / "first")
    assert list(first) == ["fade_in.png", "fade_in_first.png", "videos.json", "walk.png", "walk_first.png"]
    assert made(inputs, tmp_path / "again") == first
    assert made(inputs, tmp_path / "other", seed=2)["walk.png"] != first["walk.png"]
    told = json.loads(first["videos.json"])
    assert told["generator"] == checksum(inputs["train/mammogram"] / "generator_average.safetensors")
    assert told["frames"] == {"walk": 12, "fade_in": 8}


def test_the_walk_ends_where_it_began_and_the_growth_where_the_walk_begins(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    files = made(inputs, tmp_path / "made")
    walk, growth = frames(files["walk.png"]).astype(int), frames(files["fade_in.png"]).astype(int)
    assert walk.shape == (12, 40, 64)
    assert growth.shape[1:] == (40, 64)  # frames that are alike are stored once, and shown longer
    assert np.array_equal(growth[-1], walk[0])
    assert np.abs(walk[-1] - walk[0]).mean() < 1.5 * np.abs(np.diff(walk, axis=0)).mean((1, 2)).max()
    blocks = growth[0].reshape(5, 8, 8, 8)  # 5x4 px an image, each a square
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert len({frame.tobytes() for frame in growth}) > 4


def test_attributes_go_along_if_they_are_asked_to(inputs: dict[str, Path], tmp_path: Path) -> None:
    first = made(inputs, tmp_path / "fixed")
    moving = made(inputs, tmp_path / "moving", interpolate=True)
    assert first["walk_first.png"] == moving["walk_first.png"]
    assert first["walk.png"] != moving["walk.png"]
    one, other = (
        made(inputs, tmp_path / view, attributes={"view": view, "density": "B"})["walk.png"] for view in ("CC", "MLO")
    )
    assert one != other


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"points": 1}, r"videos\.points=1: expected 2"),
        ({"format": "mp4"}, r"videos\.format=mp4: expected one of webp, png, gif"),
        ({"attributes": {"view": "ML"}}, r"videos\.attributes: attribute view=ML"),
    ],
)
def test_what_cannot_be_shown_is_refused_at_once(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        stage(**changes)
