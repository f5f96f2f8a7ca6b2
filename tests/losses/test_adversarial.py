from __future__ import annotations

import math

import numpy as np
import torch

from mammo_gan.losses.adversarial import NonSaturatingLoss

LOSS = NonSaturatingLoss()
REAL, SYNTHETIC = np.array([2.0, -0.5, 0.25]), np.array([-1.0, 0.75, 3.0])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def test_discriminator_loss_is_half_the_cross_entropy_of_both() -> None:
    expected = 0.5 * (-np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(SYNTHETIC)).mean())
    assert math.isclose(LOSS.discriminator(torch.tensor(REAL), torch.tensor(SYNTHETIC)), expected, rel_tol=1e-6)


def test_generator_loss_is_the_cross_entropy_of_being_taken_for_real() -> None:
    assert math.isclose(LOSS.generator(torch.tensor(SYNTHETIC)), -np.log(sigmoid(SYNTHETIC)).mean(), rel_tol=1e-6)


def test_a_discriminator_that_cannot_tell_costs_both_log_2() -> None:
    undecided = torch.zeros(4)
    assert math.isclose(LOSS.discriminator(undecided, undecided), math.log(2), rel_tol=1e-6)
    assert math.isclose(LOSS.generator(undecided), math.log(2), rel_tol=1e-6)


def test_the_generator_keeps_a_gradient_when_the_discriminator_is_sure() -> None:
    logits = torch.full((4,), -50.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(LOSS.generator(logits), logits)
    torch.testing.assert_close(gradient, torch.full((4,), -0.25))  # -1 / batch; log(1 - D) would give about 0


def test_half_precision_logits_lose_no_range() -> None:
    loss = LOSS.generator(torch.tensor([-60000.0], dtype=torch.float16))
    assert loss.dtype == torch.float32
    assert loss == 60000.0
