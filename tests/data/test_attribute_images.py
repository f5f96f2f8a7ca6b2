from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo_gan.data.attribute_images import AttributeImages
from mammo_gan.data.attributes import UNKNOWN, Attributes
from mammo_gan.errors import UserError
from tests.downstream.read_store import attributes, write_store


def test_an_epoch_has_every_known_image_once_in_the_asked_size(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", patients=8)
    data = AttributeImages(store, (20, 16), attributes(), batch_size=6, seed=1)
    assert data.training_images == 18
    batches = list(islice(data.train_dataloader(), 3))
    images = torch.cat([batch.image for batch in batches])
    categories = torch.cat([batch.categories for batch in batches])
    expected = store.floats(store.indices("train"), (20, 16))
    order = [int(np.abs(expected - ((image[0] + 1) / 2).numpy()).sum((1, 2)).argmin()) for image in images]
    assert sorted(order) == list(range(18))
    np.testing.assert_allclose((images[:, 0].numpy() + 1) / 2, expected[order], atol=1e-6)
    known = attributes().of_store(store, store.indices("train")).categories
    assert torch.equal(categories, known[order])


def test_judged_images_come_in_order_and_unknown_ones_are_left_out(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", patients=40)
    density = Attributes({"density": ["A", "B", "C"]}, [])
    data = AttributeImages(store, (10, 8), density, batch_size=4, seed=1)
    known = [k for k in store.indices("val").tolist() if store.row(k).density]
    assert 0 < len(known) < len(store.indices("val"))
    assert data.known("val").tolist() == known
    batches = list(data.judged("val", 4))
    np.testing.assert_allclose(torch.cat([batch.image for batch in batches])[:, 0], store.floats(known, (10, 8), -1.0))
    codes = torch.cat([batch.categories for batch in batches])[:, 0].tolist()
    assert codes == ["ABC".index(store.row(k).density or "") for k in known]
    assert UNKNOWN not in codes


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", patients=4)
    with pytest.raises(UserError, match=r"downstream\.reading\.size=\[80, 64\]: expected one of .* 40x32, 20x16"):
        AttributeImages(store, (80, 64), attributes(), batch_size=4, seed=1)
    data = AttributeImages(store, (10, 8), attributes(), batch_size=4, seed=1)
    with pytest.raises(UserError, match="no image of the split test has a known view or density"):
        data.known("test")
