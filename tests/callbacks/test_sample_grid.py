from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning.loggers import WandbLogger

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint, find_last
from mammo_gan.callbacks.generator_average import GeneratorAverage
from mammo_gan.callbacks.infill_grid import GAP, LINE, InfillGrid, draw_grid
from mammo_gan.callbacks.sample_grid import SampleGrid
from mammo_gan.callbacks.stop import StopAtIteration
from tests.callbacks.tiny_gan import SIZE, TinyGan, batch, fit


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pictures_at_the_start_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    grid = SampleGrid(InfillGrid(batch(99)), 5, tmp_path / "samples", also_at=[3])
    fit(TinyGan(), tmp_path, [StopAtIteration(7), grid])
    assert written(tmp_path / "samples") == [f"000000{k}.png" for k in (0, 3, 5, 7)]


def test_a_resumed_training_does_not_start_anew(tmp_path: Path) -> None:
    fit(TinyGan(), tmp_path, [StopAtIteration(4), AtomicCheckpoint(tmp_path / "c", None)])
    grid = SampleGrid(InfillGrid(batch(99)), 100, tmp_path / "samples")
    fit(TinyGan(), tmp_path, [StopAtIteration(4), grid], resume=find_last(tmp_path / "c"))
    assert not (tmp_path / "samples").exists()
    fit(TinyGan(), tmp_path, [StopAtIteration(6), grid], resume=find_last(tmp_path / "c"))
    assert written(tmp_path / "samples") == ["0000006.png"]


def test_the_training_is_not_touched(tmp_path: Path) -> None:
    with torch.random.fork_rng([]):
        average, method, alone = GeneratorAverage(0.9), TinyGan(), TinyGan()
        torch.manual_seed(0)
        fit(
            method,
            tmp_path,
            [StopAtIteration(6), average, SampleGrid(InfillGrid(batch(99)), 2, tmp_path / "s", average=average)],
        )
        with_grid = torch.rand(3)
        torch.manual_seed(0)
        fit(alone, tmp_path, [StopAtIteration(6)])
        assert torch.equal(with_grid, torch.rand(3))
    assert all(torch.equal(a, b) for a, b in zip(method.parameters(), alone.parameters(), strict=True))
    assert [part.training for part in method.modules()] == [part.training for part in alone.modules()]
    assert int(method.generator.calls) == 6  # a buffer that training mode moves


def test_the_average_is_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method, average = TinyGan(), GeneratorAverage(0.9)
    with torch.no_grad():
        for parameter in average.averaged(method).parameters():
            parameter.zero_()
        average.averaged(method).get_parameter("convolution.bias").fill_(1.0)
    grid = SampleGrid(InfillGrid(batch(99)), 100, tmp_path, average=average)
    fit(method, tmp_path, [StopAtIteration(0), grid])
    picture = np.asarray(Image.open(tmp_path / "0000000.png"))
    assert (cell(picture, 0, 2) == 255).all()
    assert (cell(picture, 0, 3) == 255).all()


def cell(picture: np.ndarray, row: int, column: int, size: int = 128) -> np.ndarray:
    y = LINE + GAP + row * (size + LINE + GAP) + LINE
    x = GAP + column * (size + GAP)
    return picture[y : y + size, x : x + size]


def test_cells_hold_the_images_enlarged_and_clipped() -> None:
    patches = batch(1, size=2)
    own, opposite = torch.full_like(patches.image, 0.5), torch.full_like(patches.image, 1.7)
    picture = np.asarray(draw_grid(patches, own, opposite))
    scale = 128 // SIZE
    for row in range(2):
        for column, image in enumerate((patches.image, patches.corrupted)):
            expected = (image[row, 0].numpy() * 255).round()
            np.testing.assert_array_equal(cell(picture, row, column)[::scale, ::scale], expected)
        assert (cell(picture, row, 2) == 128).all()
        assert (cell(picture, row, 3) == 255).all()


def test_wandb_gets_the_picture(tmp_path: Path) -> None:
    class Recording(WandbLogger):
        def __init__(self) -> None:
            self.got: list[tuple[dict[str, Any], int | None]] = []

        def log_metrics(self, metrics: Any, step: int | None = None) -> None:
            self.got.append((dict(metrics), step))

    logger, method = Recording(), TinyGan()

    class FakeTrainer:
        is_global_zero, callbacks, loggers = True, (), (logger,)

        class strategy:  # noqa: N801
            root_device = torch.device("cpu")

        class precision_plugin:  # noqa: N801
            forward_context = staticmethod(torch.no_grad)

    SampleGrid(InfillGrid(batch(1)), 5, tmp_path).write(FakeTrainer(), method)  # type: ignore[arg-type]
    (metrics, step), *_ = logger.got
    assert (metrics["images_seen"], step) == (0, 0)
    assert metrics["samples"].image.size == Image.open(tmp_path / "0000000.png").size
