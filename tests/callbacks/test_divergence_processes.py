"""What one of several processes sees ends them all at the same update."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from safetensors.torch import load_file
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader, IterableDataset

from mammo_gan.callbacks.checkpoint import AtomicCheckpoint
from mammo_gan.callbacks.divergence import DivergenceGuard
from mammo_gan.data.batches import InfillBatch
from mammo_gan.errors import DivergenceError
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.cigan import CiGAN
from mammo_gan.methods.data_parallel import DataParallel
from tests.methods.small import BATCH, batch, in_turns, small_cigan

AT = 9  # the iteration at fault, the discriminator's, in process 1


class Shares(IterableDataset[InfillBatch]):
    """A process's share of each batch, with NaN in one of them."""

    def __init__(self, rank: int, nan_at: int | None) -> None:
        self.rank, self.nan_at = rank, nan_at

    def __iter__(self) -> Iterator[InfillBatch]:
        index = 0
        while True:
            share = InfillBatch(*(field[self.rank :: 2].clone() for field in batch(index)))
            if index + 1 == self.nan_at and self.rank == 1:
                share.image[0, 0, 2, 3] = math.nan
            yield share
            index += 1


def explode(method: CiGAN) -> None:
    """The discriminator's loss is huge from one iteration on, its gradient as ever."""
    terms_of = method.discriminator_terms

    def exploding(batch: InfillBatch) -> dict[str, LossTerm]:
        def larger(value: Tensor) -> Tensor:
            return value + 1e7 if int(method.iterations) + 1 >= AT else value

        return {name: LossTerm(larger(term.value), term.weight) for name, term in terms_of(batch).items()}

    method.discriminator_terms = exploding  # type: ignore[method-assign]


def train(rank: int, port: int, folder: Path, fault: str, delayed: bool) -> None:
    """One process; writes how it ended."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "GROUP_RANK": "0"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    method = small_cigan(in_turns(-1.0, max_steps=3), pretraining=0)
    if fault == "explosion" and rank == 1:
        explode(method)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy=DataParallel(process_group_backend="gloo"),
        plugins=[TorchElasticEnvironment()],
        max_epochs=-1,
        max_steps=20,
        logger=False,
        callbacks=[
            DivergenceGuard(folder / "divergence", delayed=delayed),
            AtomicCheckpoint(folder / "checkpoints", None, 4),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    end = {"seen": "", "iteration": 0, "done": 0}
    try:
        trainer.fit(method, DataLoader(Shares(rank, AT if fault == "NaN" else None), batch_size=None))
    except DivergenceError as error:
        end = {"seen": error.seen, "iteration": error.iteration}
    (folder / f"end{rank}.json").write_text(json.dumps({**end, "done": int(method.iterations)}))


def train_two(folder: Path, fault: str, delayed: bool) -> list[dict[str, object]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(train, (port, folder, fault, delayed), nprocs=2)  # type: ignore[no-untyped-call]
    return [json.loads((folder / f"end{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("fault", ["NaN", "explosion"])
def test_both_processes_raise_at_the_same_update(tmp_path: Path, fault: str, delayed: bool) -> None:
    ends = train_two(tmp_path, fault, delayed)
    assert ends[0] == ends[1]
    kind = "NaN" if fault == "NaN" else "1e+07"
    assert str(ends[0]["seen"]).startswith(f"discriminator/adversarial was {kind} in process 1")
    assert (ends[0]["iteration"], ends[0]["done"]) == (AT, AT if delayed else AT - 1)

    (folder,) = (tmp_path / "divergence").iterdir()
    expected = [Shares(rank, AT if fault == "NaN" else None) for rank in range(2)]
    for rank, shares in enumerate(expected):
        share = next(share for index, share in enumerate(shares) if index == AT - 1)
        found = load_file(folder / f"rank{rank}.safetensors")
        torch.testing.assert_close(found, share._asdict(), rtol=0, atol=0, equal_nan=True)
    term = json.loads((folder / "seen.json").read_text())["terms"]["discriminator/adversarial"]
    assert 0 < term["values"][0] < 10
    assert term["values"][1] == ("nan" if fault == "NaN" else pytest.approx(1e7, rel=1e-5))
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert int(state["iterations"]) == 8


@pytest.mark.slow
def test_two_healthy_processes_are_left_alone(tmp_path: Path) -> None:
    ends = train_two(tmp_path, "none", delayed=True)
    assert ends == [{"seen": "", "iteration": 0, "done": 20}] * 2
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert int(state["state_dict"]["images_seen"]) == 20 * BATCH
    assert not (tmp_path / "divergence").exists()
