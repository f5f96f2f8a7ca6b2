"""Metrics over two processes equal those over one, with unequal numbers of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn

from mammo_gan.metrics.auc import AucWithInterval
from mammo_gan.metrics.feature_distance import FeatureDistance
from mammo_gan.metrics.feature_overlap import FeatureOverlap
from mammo_gan.metrics.gathering import gather
from mammo_gan.metrics.kernel_distance import FeatureKernelDistance

# Images and rows of each process.
SHARES = (slice(0, 25), slice(25, 40))


def values(share: slice) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    real, synthetic = torch.rand(2, 40, 1, 2, 2, generator=generator)
    scores, labels = torch.randn(40, generator=generator), torch.arange(40) % 2
    found: dict[str, float] = {}
    extractor = nn.Flatten()
    for metric in (FeatureDistance(extractor), FeatureKernelDistance(extractor, 5, 30), FeatureOverlap(extractor)):
        metric.update(real[share], real=True)
        metric.update(synthetic[share] ** 2, real=False)
        _add(found, type(metric).__name__, metric.compute())
    for name, patients in (("rows", None), ("patients", torch.arange(40) // 3)):
        auc = AucWithInterval()
        auc.update(scores[share], labels[share], None if patients is None else patients[share])
        _add(found, name, auc.compute())
    return found


def _add(found: dict[str, float], name: str, value: Any) -> None:
    parts = value if isinstance(value, dict) else {"": value}
    found |= {f"{name}/{key}": float(part) for key, part in parts.items()}


def process(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    (folder / f"{rank}.json").write_text(json.dumps(values(SHARES[rank])), encoding="utf-8")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    spawn(process, (tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1))
    assert one == other == pytest.approx(values(slice(None)), rel=1e-9)
    assert values(SHARES[0]) != pytest.approx(one, rel=1e-3)
    assert len(one) == 1 + 2 + 4 + 3 + 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_states_of_the_cpu_are_gathered_where_gpus_talk_by_nccl(tmp_path: Path) -> None:
    dist.init_process_group("nccl", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        state = torch.arange(3.0)
        (gathered,) = gather(state)
        assert gathered.device == state.device
        assert gathered.tolist() == state.tolist()
    finally:
        dist.destroy_process_group()
