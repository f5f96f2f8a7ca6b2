"""Training on two processes equals training on one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import torch.distributed
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.data.batches import InfillBatch
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.methods.data_parallel import DataParallel
from tests.callbacks.children import Training, finish
from tests.data import mammogram_store
from tests.methods.small import BATCH, batch, fit, in_turns, small_cigan


class Shares(IterableDataset[InfillBatch]):
    """Each process takes every n-th patch of each batch."""

    def __iter__(self) -> Iterator[InfillBatch]:
        rank, processes = torch.distributed.get_rank(), torch.distributed.get_world_size()
        index = 0
        while True:
            yield InfillBatch(*(field[rank::processes] for field in batch(index)))
            index += 1


def fit_on_two(method: CiGAN, stop: int) -> None:
    strategy = DataParallel(process_group_backend="gloo", start_method="spawn")
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy=strategy,
        max_epochs=-1,
        max_steps=stop,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(method, DataLoader(Shares(), batch_size=None))


@pytest.mark.slow
def test_two_processes_equal_one() -> None:
    # Bursts end by the loss here, after 2 or 4 steps: each process sees half a batch, and must see the whole loss.
    phases = in_turns(0.69, steps_per_check=2, max_steps=5)
    alone, together = small_cigan(phases), small_cigan(phases)
    fit(alone, 0, 20)
    fit_on_two(together, 20)
    expected = alone.state_dict()
    for name, tensor in together.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=2e-5, msg=name)
    assert int(together.images_seen) == 20 * BATCH


@pytest.mark.slow
def test_two_processes_grow_as_one(tmp_path: Path) -> None:
    """Images, noise, the penalty's points and the groups of the minibatch deviation, two images each, are those of one
    process."""
    ends = []
    for processes in (1, 2):
        training = Training(tmp_path / str(processes), 18, "mammogan")
        mammogram_store.write(training.folder / "store", gaps=False)
        ends.append(finish(training, processes)["state_dict"])
    alone, together = ends
    for name, tensor in together.items():
        torch.testing.assert_close(tensor, alone[name], rtol=1e-3, atol=1e-4, msg=name)
    assert int(together["images_seen"]) == 3 * 8 + 15 * 4
