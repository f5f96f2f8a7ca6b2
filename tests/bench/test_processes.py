from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.processes import ALONE, DDP, OURS, pair


@pytest.mark.slow
def test_a_pair_trains_by_each_strategy_in_turns_and_says_what_went_wrong(tmp_path: Path) -> None:
    with pair(tmp_path, steps=2, backend="gloo") as run:
        for arm in (OURS, DDP, ALONE, DDP, OURS):
            assert run(arm) > 0
        with pytest.raises(RuntimeError, match="KeyError: 'unknown'"):
            run("unknown")
