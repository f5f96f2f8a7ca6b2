"""Batches give what all rows give, which is what torchmetrics has."""

from __future__ import annotations

import pytest
import torch
from torchmetrics.classification import BinaryF1Score, BinaryPrecision, BinaryRecall

from mammo_gan.metrics.f1 import F1, NAMES


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_as_torchmetrics_has_it(threshold: float) -> None:
    source = torch.Generator().manual_seed(0)
    labels = (torch.rand(70, generator=source) < 0.2).long()
    scores = (0.7 * torch.rand(70, generator=source) + 0.3 * labels).double()
    metric = F1(threshold)
    for part in torch.split(torch.arange(70), 13):
        metric.update(scores[part], labels[part])
    found = metric.compute()
    assert tuple(found) == NAMES
    for name, reference in (("precision", BinaryPrecision), ("recall", BinaryRecall), ("f1", BinaryF1Score)):
        assert float(found[name]) == pytest.approx(float(reference(threshold)(scores, labels)), abs=1e-6)
    metric.reset()
    metric.update(scores[:5], torch.zeros(5, dtype=torch.int64))
    assert float(metric.compute()["recall"]) == 0


def test_nothing_positive_is_0_and_not_nan() -> None:
    metric = F1()
    metric.update(torch.tensor([0.1, 0.5]), torch.tensor([1, 0]))
    assert [float(value) for value in metric.compute().values()] == [0, 0, 0]


def test_rows_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of one length"):
        F1().update(torch.tensor([0.1, 0.5]), torch.tensor([1]))
