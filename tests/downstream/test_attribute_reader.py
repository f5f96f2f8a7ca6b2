"""The loss written out, and that it learns what images show and no more."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from mammo_gan.callbacks.stop import StopAtIteration
from mammo_gan.data.attribute_images import AttributeImages
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.downstream.attribute_reader import AttributeReader
from mammo_gan.networks.reader import Reader
from tests.downstream.read_store import attributes, write_store


def reader() -> AttributeReader:
    torch.manual_seed(0)
    optimizer = partial(torch.optim.Adam, lr=1e-2)
    return AttributeReader({"view": 2, "density": 3}, partial(Reader, [8, 16]), optimizer)


def test_the_loss_is_each_attributes_mean_over_known_ones() -> None:
    judged = reader().eval()
    image = torch.randn(4, 1, 20, 16, generator=torch.Generator().manual_seed(1))
    categories = torch.tensor([[0, 2], [1, -1], [-1, 0], [1, -1]])
    told = {name: logits.log_softmax(1) for name, logits in judged.read(image).items()}
    assert {name: logits.shape for name, logits in told.items()} == {"view": (4, 2), "density": (4, 3)}
    view = -(told["view"][0, 0] + told["view"][1, 1] + told["view"][3, 1]) / 3
    density = -(told["density"][0, 2] + told["density"][2, 0]) / 2
    found = judged.loss_of(MammogramBatch(image, categories, torch.empty(4, 0)))
    torch.testing.assert_close(found, view + density)


@pytest.mark.parametrize("shuffled", [False, True])
def test_it_learns_what_images_show_and_nothing_else(shuffled: bool, tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", shuffled=shuffled)
    data = AttributeImages(store, (20, 16), attributes(), batch_size=16, seed=1)
    trained = reader()
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[StopAtIteration(60)],
    )
    trainer.fit(trained, datamodule=data)
    trained.eval()
    (batch,) = data.judged("val", 999)
    with torch.no_grad():
        told = trained.read(batch.image)
    for known, logits in zip(batch.categories.T, told.values(), strict=True):
        right = (logits.argmax(1) == known)[known >= 0].float().mean()
        assert right < 0.75 if shuffled else right > 0.9
    assert int(trained.images_seen) == 60 * 16
