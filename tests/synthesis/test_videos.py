from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from mammo_gan.networks.mammogan import Generator
from mammo_gan.synthesis.fade_in import fade_in
from mammo_gan.synthesis.frames import FORMATS, Frame, frame_of, write_video
from mammo_gan.synthesis.walk import closed, points_of, spherical, straight


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**16), share=st.floats(0, 1), size=st.integers(2, 40))
def test_an_arc_has_even_speed_and_stays_in_its_plane(seed: int, share: float, size: int) -> None:
    start, end = normal(2, size, seed=seed)
    found = spherical(start, end, share)
    lengths = start.norm(), end.norm(), found.norm()
    torch.testing.assert_close(lengths[2], (1 - share) * lengths[0] + share * lengths[1])

    def angle(one: Tensor, other: Tensor) -> float:
        cosine = float(one @ other / one.norm() / other.norm())
        return float(np.arccos(np.clip(cosine, -1, 1)))

    whole = angle(start, end)
    assert angle(start, found) == pytest.approx(share * whole, abs=1e-6)
    assert angle(found, end) == pytest.approx((1 - share) * whole, abs=1e-6)


def test_between_equal_vectors_there_is_nothing_else() -> None:
    start = normal(3, 5)
    torch.testing.assert_close(spherical(start, start, 0.3), start)
    assert spherical(start, -start, 0.3).isfinite().all()
    torch.testing.assert_close(spherical(start, 2 * start, 0.5), 1.5 * start)


@pytest.mark.parametrize("between", [spherical, straight])
def test_a_walk_is_a_loop_through_its_points(between: Any) -> None:
    points = normal(4, 2, 6)
    path = torch.stack(list(closed(points, 5, between)))
    assert path.shape == (20, 2, 6)
    assert torch.equal(path[::5], points)
    steps = (path.roll(-1, 0) - path).norm(dim=-1)  # the last one goes back to the start
    assert steps[-1].max() < 1.5 * steps[:-1].max()
    torch.testing.assert_close(path[19], between(points[3], points[0], 0.8))


def test_points_of_a_seed_are_the_first_of_more() -> None:
    points = points_of(3, 2, 500, seed=4)
    assert torch.equal(points, points_of(5, 2, 500, seed=4)[:3])
    assert not torch.equal(points, points_of(3, 2, 500, seed=5))
    assert abs(float(points.std()) - 1) < 0.05


def generator(attributes: int = 0) -> Generator:
    torch.manual_seed(3)
    return Generator(base=(5, 4), stages=4, widths=(6, 5, 4, 3), latent=8, attributes=attributes).eval()


@pytest.mark.parametrize(
    ("height", "size"), [(1, (5, 4)), (10, (10, 8)), (39, (20, 16)), (40, (40, 32)), (999, (40, 32))]
)
@pytest.mark.parametrize("stage", [0, 1, 3])
def test_a_frame_has_one_size_at_every_stage(height: int, size: tuple[int, int], stage: int) -> None:
    network, z = generator(), normal(3, 8).float()
    frame = frame_of(network, z, None, stage=stage, alpha=1.0, height=height)
    assert frame.shape == (size[0], 3 * size[1])
    assert frame.dtype == np.uint8
    with torch.no_grad():
        drawn = network(z, stage=stage, alpha=1.0)[:, 0].numpy()
    tiles = np.stack(np.split(frame, 3, axis=1)) / 127.5 - 1
    if drawn.shape[1] <= size[0]:
        drawn = drawn.repeat(size[0] // drawn.shape[1], 1).repeat(size[1] // drawn.shape[2], 2)
    else:
        within = drawn.shape[1] // size[0]
        drawn = drawn.reshape(3, size[0], within, size[1], within).mean((2, 4))
    np.testing.assert_allclose(tiles, np.clip(drawn, -1, 1), atol=0.51 / 127.5)
    assert drawn.std() > 0.01


def test_attributes_change_a_frame() -> None:
    network, z = generator(attributes=2), normal(2, 8).float()
    one, other = (
        frame_of(network, z, encoded, stage=3, alpha=1.0, height=40) for encoded in (torch.zeros(2, 2), torch.eye(2))
    )
    assert (one != other).any()


def test_images_grow_from_stage_to_stage() -> None:
    network, z = generator(), normal(2, 8).float()
    growth = [(0, 1.0), (0, 1.0), (1, 0.0), (1, 0.5), (1, 1.0), (2, 0.25)]
    calls: list[Any] = []
    network.register_forward_hook(lambda *_: calls.append(None))
    frames = list(fade_in(network, z, None, growth, height=40))
    assert len(frames) == 6
    assert len(calls) == 5  # a stable stage is drawn once
    assert np.array_equal(frames[0], frames[1])
    assert np.array_equal(frames[1], frames[2])  # alpha = 0 shows the stage before
    for frame, (stage, alpha) in zip(frames, growth, strict=True):
        assert np.array_equal(frame, frame_of(network, z, None, stage=stage, alpha=alpha, height=40))
    assert len({frame.tobytes() for frame in frames}) == 4


def ramp(count: int) -> list[Frame]:
    """Bright squares on black, one further right in each frame."""
    frames = [np.zeros((24, 64), dtype=np.uint8) for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[8:16, 8 * number : 8 * number + 8] = 40 * (number + 1)
    return frames


@pytest.mark.parametrize("ending", FORMATS)
def test_a_video_has_the_frames_and_the_first_as_a_picture(tmp_path: Path, ending: str) -> None:
    file, frames = tmp_path / f"walk.{ending}", ramp(6)
    write_video(file, iter(frames), per_second=20)
    with Image.open(file) as video:
        assert video.n_frames == 6  # type: ignore[attr-defined]
        for number, frame in enumerate(frames):
            video.seek(number)
            found = np.asarray(video.convert("L")).astype(int)
            np.testing.assert_allclose(found, frame, atol=12 if ending == "webp" else 0)
            assert video.info["duration"] == 50
        assert video.info["loop"] == 0
    with Image.open(tmp_path / "walk_first.png") as picture:
        assert np.array_equal(np.asarray(picture), frames[0])
    first = file.read_bytes()
    write_video(file, iter(frames), per_second=20)
    assert file.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file.name, "walk_first.png"])
