from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.losses.smoothed import SmoothedLoss, cross_entropy

LOSS = SmoothedLoss()
REAL, SYNTHETIC = np.array([2.0, -0.5, 0.25]), np.array([-1.0, 0.75, 3.0])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def test_the_discriminators_loss_is_equation_1_with_the_label() -> None:
    real, synthetic = sigmoid(REAL), sigmoid(SYNTHETIC)
    expected = -(0.8 * np.log(real) + 0.2 * np.log(1 - real)).mean() - np.log(1 - synthetic).mean()
    assert LOSS.discriminator(torch.tensor(REAL), torch.tensor(SYNTHETIC), 0.8).item() == pytest.approx(expected)


def test_the_generators_loss_is_equation_2_with_the_label() -> None:
    synthetic = sigmoid(SYNTHETIC)
    expected = -(0.7 * np.log(synthetic) + 0.3 * np.log(1 - synthetic)).mean()
    assert LOSS.generator(torch.tensor(SYNTHETIC), 0.7).item() == pytest.approx(expected)


def test_labels_may_differ_from_image_to_image() -> None:
    labels = torch.tensor([0.8, 0.0, 0.8])
    expected = F.binary_cross_entropy_with_logits(torch.tensor(REAL).float(), labels)
    torch.testing.assert_close(cross_entropy(torch.tensor(REAL), labels), expected)


@given(st.floats(0.0, 1.0), st.floats(-6, 6))
def test_least_where_the_verdict_is_the_label(label: float, logit: float) -> None:
    verdict = 1 / (1 + math.exp(-logit))
    at_label = cross_entropy(torch.tensor([logit]), verdict).item()
    entropy = -(verdict * math.log(verdict) + (1 - verdict) * math.log(1 - verdict))
    assert at_label == pytest.approx(entropy, abs=1e-5)
    divergence = cross_entropy(torch.tensor([logit]), label).item() - (
        -sum(p * math.log(p) for p in (label, 1 - label) if p > 0)
    )
    assert divergence >= -1e-5  # Gibbs


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([300.0, -300.0], dtype=torch.float16, requires_grad=True)
    loss = LOSS.discriminator(logits, logits, 0.75)
    torch.autograd.backward(loss)
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
