"""A training killed at any moment has lost an interval between checkpoints at most."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mammo_gan.callbacks.checkpoint import find_last
from tests.callbacks.children import Training, differences, finish, iteration_of, load, started, wait_until
from tests.callbacks.disks import other_than

KILLS = 20
EVERY = 4  # iterations between checkpoints


def test_a_training_killed_at_random_instants(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # With TMPDIR on another file system a file staged there would be copied into place, and could be cut short.
    rng = random.Random(20)
    with other_than(tmp_path) as temporary:
        training = Training(tmp_path / "killed", every=EVERY, temporary=temporary)
        newest, done, reached = 0, 0, 0
        for _ in range(KILLS):
            training.progress.unlink(missing_ok=True)
            with started(training):
                # Some are killed while they start, most in one of the next iterations or in the checkpoint after it.
                if rng.random() < 0.9:
                    goal = newest + rng.randint(0, 3 * EVERY)
                    wait_until(partial(training.reached, goal))
                time.sleep(rng.uniform(0, 0.02))
            done = training.done() if training.progress.exists() else done
            reached = max(reached, done)
            last = find_last(training.checkpoints)
            newest = 0 if last is None else iteration_of(load(last))
            # Killed while it writes a checkpoint, it leaves the one before, which is an interval older.
            assert done - EVERY <= newest <= done
            assert not training.staged.exists()
        assert reached > 5 * EVERY
        assert not caplog.records  # nothing that find_last would have had to warn of

        stop = reached + EVERY + 1
        resumed = finish(replace(training, stop=stop))
        assert sorted(file.name for file in training.checkpoints.iterdir()) == ["last.ckpt", "previous.ckpt"]
    assert differences(resumed, finish(Training(tmp_path / "whole", stop))) == []
