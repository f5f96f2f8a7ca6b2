"""Whole images by stages: what a batch holds, and where it comes from."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mammo_gan.data.attributes import AttributeValues
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.errors import UserError
from mammo_gan.schedules.progressive import ProgressiveSchedule
from tests.data.mammogram_store import SIZES, write
from tests.data.test_attributes import SCHEMA

OPEN_FILES = Path("/proc/self/fd")
SCHEDULE = ProgressiveSchedule(
    stable=12, fading=12, batch_sizes=[8, 4, 2], learning_rate=1e-3, critic_iterations=[1, 2]
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return write(tmp_path_factory.mktemp("store"))


def placed(data: MammogramData, images_seen: int = 0, rank: int = 0, world_size: int = 1) -> MammogramData:
    module = SimpleNamespace(images_seen=torch.tensor(images_seen))
    trainer: Any = SimpleNamespace(lightning_module=module, global_rank=rank, world_size=world_size)
    data.trainer = trainer
    return data


def batches(data: MammogramData, count: int) -> list[MammogramBatch]:
    return list(islice(iter(data.train_dataloader()), count))


def made(store: ImageStore, workers: int = 0) -> MammogramData:
    return MammogramData(store, SCHEDULE, SCHEMA, seed=5, workers=workers)


def same(one: MammogramBatch, other: MammogramBatch) -> bool:
    return all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_grows_by_itself(store: ImageStore, workers: int) -> None:
    """Also with processes that load ahead: 16 images of stage 0, of which 12 would do, then 24 of stage 1."""
    found = batches(made(store, workers), 12)
    shapes = [tuple(batch.image.shape) for batch in found]
    assert shapes == [(8, 1, 5, 4)] * 2 + [(4, 1, 10, 8)] * 5 + [(2, 1, 20, 16)] * 5
    for batch, alone in zip(found, batches(made(store), 12), strict=True):
        assert same(batch, alone)


def test_a_batch_holds_an_image_with_its_own_attributes(store: ImageStore) -> None:
    """11 training images: the first 8 and the next 3 are all of them."""
    data = made(store)
    seen = batches(data, 2)
    images = torch.cat([batch.image for batch in seen])[:11]
    expected = torch.from_numpy(store.floats(range(11), SIZES[2], low=-1.0))
    values = SCHEMA.of_rows(store.rows[:11])
    found = set()
    for place, image in enumerate(images):
        (index,) = [i for i in range(11) if torch.equal(expected[i], image[0])]
        found.add(index)
        batch, own = seen[place // 8], place % 8
        assert torch.equal(batch.categories[own], values.categories[index])
        assert torch.equal(batch.numbers[own], values.numbers[index])
    assert found == set(range(11))


def test_background_is_exactly_black(store: ImageStore) -> None:
    image = batches(made(store), 12)[-1].image
    assert image.dtype == torch.float32 and image.min() >= -1 and image.max() <= 1
    assert (image[..., -1] == -1).all() and (image[..., 0] > -1).all()


@pytest.mark.parametrize("start", [0, 16, 20, 40])
def test_two_processes_share_what_one_sees(store: ImageStore, start: int) -> None:
    alone = batches(placed(made(store), start), 6)
    ranks = [batches(placed(made(store), start, rank, 2), 6) for rank in range(2)]
    for whole, *shares in zip(alone, *ranks, strict=True):
        for rank, share in enumerate(shares):
            assert same(share, MammogramBatch(*(field[rank::2] for field in whole)))


def test_it_goes_on_where_the_method_stands(store: ImageStore) -> None:
    whole = batches(made(store), 12)
    for batch, later in zip(whole[4:], batches(placed(made(store), 24), 8), strict=True):
        assert same(batch, later)


def test_reals_and_fixed_images(store: ImageStore) -> None:
    data = made(store)
    every = torch.cat(list(data.reals("val", 2, SIZES[1])))
    assert torch.equal(every[:, 0], torch.from_numpy(store.floats([11, 12, 13], SIZES[1])))
    assert [len(batch) for batch in data.reals("train", 4, SIZES[0])] == [4, 4, 3]
    some = torch.cat(list(data.reals("train", 4, SIZES[0], limit=6, seed=1)))
    assert torch.equal(some[:5], data.fixed_images("train", 5, 1, SIZES[0])) and len(some) == 6
    assert (data.images("train"), data.images("val")) == (11, 3)
    fixed = data.fixed_images("train", 5, 1, SIZES[0])
    assert fixed.shape == (5, 1, 20, 16) and fixed.min() >= 0 and fixed.max() <= 1
    assert torch.equal(fixed, data.fixed_images("train", 5, 1, SIZES[0]))
    coarser = data.fixed_images("train", 5, 1, SIZES[1])  # the same images
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(fixed, 2), coarser, rtol=0, atol=1 / 255)
    assert len(data.fixed_images("val", 5, 1, SIZES[0])) == 3
    with pytest.raises(UserError, match="split test has no image"):
        next(data.reals("test", 2, SIZES[0]))


def test_attributes_of_the_training_split(store: ImageStore) -> None:
    data = made(store)
    expected: AttributeValues = SCHEMA.of_rows(store.rows[:11])
    assert data.training_images == 11
    assert all(torch.equal(a, b) for a, b in zip(data.attribute_values, expected, strict=True))


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="counts open files as Linux lists them")
def test_no_file_is_opened_for_an_image(store: ImageStore) -> None:
    loader = iter(made(store).train_dataloader())
    next(loader)
    before = len(list(OPEN_FILES.iterdir()))
    for _ in range(11):
        next(loader)
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_store_of_other_sizes_is_refused(tmp_path: Path) -> None:
    store = write(tmp_path, SIZES[:2])
    with pytest.raises(UserError, match=r"20x16, 10x8 px.*3 stages.*data.sizes"):
        made(store)
    gap = write(tmp_path / "gap", (SIZES[0], SIZES[2]))
    schedule = ProgressiveSchedule(stable=4, fading=4, batch_sizes=[4, 4], learning_rate=1, critic_iterations=[1, 1])
    with pytest.raises(UserError, match="each half the one before"):
        MammogramData(gap, schedule, SCHEMA, 5)
