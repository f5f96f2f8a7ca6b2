from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.classification import BinaryF1Score

from mammo_gan.metrics.auc import AucWithInterval
from mammo_gan.statistics.roc import delong, interval


def rows(count: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(count, generator=generator) < 0.4).long()
    patients = torch.randint(2**40, 2**40 + 12, (count,), generator=generator)
    return torch.randn(count, generator=generator) + labels, labels, patients


@pytest.mark.parametrize("with_patients", [False, True])
def test_batches_give_what_all_rows_give(with_patients: bool) -> None:
    scores, labels, patients = rows()
    metric = AucWithInterval(confidence=0.9)
    for part in torch.split(torch.arange(60), 13):
        metric.update(scores[part], labels[part], patients[part] if with_patients else None)
    expected = delong(scores.double().numpy(), labels.numpy(), patients.numpy() if with_patients else None)
    limits = interval(float(expected.aucs[0]), float(expected.covariance[0, 0]), 0.9)
    found = metric.compute()
    assert limits is not None
    assert [float(found[name]) for name in ("auc", "low", "high")] == [float(expected.aucs[0]), *limits]


def test_what_cannot_be_known_is_nan() -> None:
    metric = AucWithInterval()
    metric.update(torch.tensor([-3.0, 8.0]), torch.tensor([1, 1]))
    assert all(torch.isnan(value) for value in metric.compute().values())
    metric.update(torch.tensor([-4.0, -5.0]), torch.tensor([0, 0]))
    found = metric.compute()
    assert found["auc"] == 1
    assert torch.isnan(found["low"])
    assert torch.isnan(found["high"])


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_rows_at_all_are_nan() -> None:
    assert torch.isnan(AucWithInterval().compute()["auc"])


def test_patients_are_given_always_or_never() -> None:
    scores, labels, patients = rows()
    metric = AucWithInterval()
    metric.update(scores, labels, patients)
    metric.update(scores, labels)
    with pytest.raises(ValueError, match="120 rows, but 60 with a patient"):
        metric.compute()
    with pytest.raises(ValueError, match="equal length"):
        metric.update(scores, labels[:-1])


def test_f1_of_torchmetrics_is_the_papers() -> None:
    """At a probability of 0.5 and over all rows: an average of batches would be another number."""
    rng = np.random.default_rng(0)
    probabilities, labels = rng.random(50), rng.random(50) < 0.3
    probabilities[:3] = 0.5  # not above the threshold
    metric = BinaryF1Score(threshold=0.5)
    for part in np.split(np.arange(50), [7, 30]):
        metric.update(torch.from_numpy(probabilities[part]), torch.from_numpy(labels[part]))
    predicted = probabilities > 0.5
    hits = (predicted & labels).sum()
    assert float(metric.compute()) == pytest.approx(2 * hits / (predicted.sum() + labels.sum()), rel=1e-6)
    metric.reset()
    metric.update(torch.zeros(4), torch.ones(4))
    assert float(metric.compute()) == 0
