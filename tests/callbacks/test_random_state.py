from __future__ import annotations

import pytorch_lightning as pl
import torch

from mammo_gan.callbacks.random_state import RandomState


def test_the_next_numbers_are_those_after_the_checkpoint() -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        state = RandomState().state_dict()
        expected = torch.rand(4)
        torch.manual_seed(99)
        callback = RandomState()
        callback.load_state_dict(state)
        torch.rand(17)  # what starting a loader may draw
        callback.on_train_start(pl.Trainer(logger=False, enable_checkpointing=False), pl.LightningModule())
        assert torch.equal(torch.rand(4), expected)


def test_a_new_training_keeps_the_state_it_has() -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        expected = torch.rand(4)
        torch.manual_seed(5)
        RandomState().on_train_start(pl.Trainer(logger=False, enable_checkpointing=False), pl.LightningModule())
        assert torch.equal(torch.rand(4), expected)
