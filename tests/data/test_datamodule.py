"""The training loader in Lightning's hands: endless, and it goes on where images_seen stands."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from mammo_gan.archives.records import SplitName
from mammo_gan.data.batches import InfillBatch
from mammo_gan.data.datamodule import InfillData
from mammo_gan.data.store import PatchStore
from tests.data.test_infill import SIZE, write

PATCHES: list[tuple[SplitName, tuple[int, int, int, int] | None, int, int]] = [
    *[("train", (1 + k, 2, 5 + k, 7), 1, SIZE) for k in range(4)],
    *[("train", None, 0, SIZE) for _ in range(7)],
    ("val", (1, 1, 4, 4), 1, SIZE),
    *[("val", None, 0, SIZE) for _ in range(3)],
]


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return write(tmp_path / "store", PATCHES)


class Watching(pl.LightningModule):
    """Counts images and keeps what it saw."""

    images_seen: torch.Tensor

    def __init__(self, images_seen: int = 0) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.register_buffer("images_seen", torch.tensor(images_seen))
        self.seen: list[torch.Tensor] = []

    def training_step(self, batch: InfillBatch, _: int) -> None:
        self.seen.append(batch.corrupted.clone())
        self.images_seen += len(batch.label)

    def configure_optimizers(self) -> None:
        return None


def train(module: Watching, data: InfillData, steps: int) -> None:
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=data)
    assert trainer.num_training_batches == steps


@pytest.mark.filterwarnings("ignore")
def test_lightning_goes_on_where_images_seen_stands(store: PatchStore) -> None:
    whole, first = Watching(), Watching()
    train(whole, InfillData(store, 3, seed=5), 7)  # across the end of an epoch of 11 patches
    train(first, InfillData(store, 3, seed=5), 4)
    second = Watching(int(first.images_seen))
    train(second, InfillData(store, 3, seed=5), 3)
    assert int(second.images_seen) == int(whole.images_seen) == 21
    assert torch.equal(torch.cat(whole.seen), torch.cat(first.seen + second.seen))


def batches(data: InfillData, count: int) -> list[InfillBatch]:
    return list(islice(iter(data.train_dataloader()), count))


def joined(found: list[InfillBatch]) -> torch.Tensor:
    return torch.cat([batch.corrupted for batch in found])


def with_place(data: InfillData, rank: int, world_size: int, images_seen: int) -> InfillData:
    module = SimpleNamespace(images_seen=torch.tensor(images_seen))
    trainer: Any = SimpleNamespace(lightning_module=module, global_rank=rank, world_size=world_size)
    data.trainer = trainer
    return data


def test_two_processes_see_what_one_sees(store: PatchStore) -> None:
    one = joined(batches(with_place(InfillData(store, 4, seed=5), 0, 1, 6), 5))
    ranks = [batches(with_place(InfillData(store, 2, seed=5), rank, 2, 6), 5) for rank in range(2)]
    assert torch.equal(joined([batch for pair in zip(*ranks, strict=True) for batch in pair]), one)


def test_loading_processes_change_nothing_and_draw_nothing(store: PatchStore) -> None:
    state = torch.random.get_rng_state()
    alone = batches(InfillData(store, 4, seed=5, flips=True), 6)
    helped = batches(InfillData(store, 4, seed=5, flips=True, workers=2), 6)
    assert torch.equal(joined(alone), joined(helped))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_epoch_shows_every_training_patch_and_no_other(store: PatchStore) -> None:
    seen = torch.cat([batch.image for batch in batches(InfillData(store, 11, seed=5), 1)])
    expected = torch.stack([torch.from_numpy(store.image(number)) for number in range(11)])[:, None]
    assert sorted(seen.flatten(1).tolist()) == sorted(expected.flatten(1).tolist())


@pytest.mark.parametrize(
    ("split", "count", "labels"),
    [
        ("train", 6, [1, 0, 1, 0, 1, 0]),
        ("train", 20, [1, 0] * 4 + [0] * 3),
        ("val", 4, [1, 0, 0, 0]),
        ("train", 1, [1]),
    ],
)
def test_a_fixed_batch_shows_both_classes(store: PatchStore, split: SplitName, count: int, labels: list[int]) -> None:
    data = InfillData(store, 4, seed=5)
    batch = data.fixed_batch(split, count, 3)
    assert batch.label.tolist() == labels
    assert len({tuple(image) for image in batch.image.flatten(1).tolist()}) == len(labels)
    assert torch.equal(batch.corrupted, data.fixed_batch(split, count, 3).corrupted)
    assert not torch.equal(batch.corrupted, data.fixed_batch(split, count, 4).corrupted)
