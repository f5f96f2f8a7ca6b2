from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mammo_gan.losses.auxiliary import UNKNOWN, attribute_losses, cross_entropy, squared_error

LOGITS = [[2.0, 0.0, -1.0, 0.5], [0.25, 1.0, 3.0, -2.0], [-1.0, -1.5, 0.0, 0.75]]
CATEGORY = st.sampled_from([UNKNOWN, 0, 1, 2, 3])


@given(st.tuples(CATEGORY, CATEGORY, CATEGORY))
def test_a_category_costs_the_surprise_at_it_where_it_is_known(target: tuple[int, ...]) -> None:
    probability = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    surprises = [-math.log(row[k]) for row, k in zip(probability, target, strict=True) if k != UNKNOWN]
    loss = cross_entropy(torch.tensor(LOGITS), torch.tensor(target))
    assert loss.item() == pytest.approx(np.mean(surprises) if surprises else 0, rel=1e-5)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9) | st.just(math.nan)), min_size=1, max_size=6))
def test_a_number_costs_its_squared_error_where_it_is_known(pairs: list[tuple[float, float]]) -> None:
    value, target = (torch.tensor(row) for row in zip(*pairs, strict=True))
    errors = [(told - true) ** 2 for told, true in pairs if not math.isnan(true)]
    assert squared_error(value, target).item() == pytest.approx(np.mean(errors) if errors else 0, rel=1e-4, abs=1e-9)


def test_what_is_unknown_has_no_gradient_and_leaves_the_others_theirs() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    value = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    torch.autograd.backward(cross_entropy(logits, torch.tensor([UNKNOWN, 2, UNKNOWN])))
    torch.autograd.backward(squared_error(value, torch.tensor([math.nan, 0.5, 1.0])))
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[1], torch.tensor(LOGITS[1]).softmax(0) - torch.tensor([0.0, 0.0, 1.0, 0.0]))
    assert logits.grad[[0, 2]].abs().sum() == 0
    assert value.grad is not None
    torch.testing.assert_close(value.grad, torch.tensor([0.0, 1.5, 2.0]))  # 2 (value - target) / 2


def test_a_batch_of_which_nothing_is_known_costs_nothing_and_is_not_torn() -> None:
    logits, value = torch.randn(3, 4, requires_grad=True), torch.randn(3, requires_grad=True)
    loss = cross_entropy(logits, torch.full((3,), UNKNOWN)) + squared_error(value, torch.full((3,), math.nan))
    torch.autograd.backward(loss)
    assert loss == 0
    for gradient, leaf in ((logits.grad, logits), (value.grad, value)):
        assert gradient is not None
        assert torch.equal(gradient, torch.zeros_like(leaf))


def test_images_without_a_record_do_not_weaken_the_others() -> None:
    logits, target = torch.tensor(LOGITS), torch.tensor([0, 1, 2])
    more = torch.cat([logits, torch.randn(5, 4)])
    padded = torch.cat([target, torch.full((5,), UNKNOWN)])
    torch.testing.assert_close(cross_entropy(more, padded), cross_entropy(logits, target))


def test_half_precision_outputs_are_compared_in_float32() -> None:
    assert squared_error(torch.tensor([300.0], dtype=torch.float16), torch.tensor([0.0])).item() == 90_000
    loss = cross_entropy(torch.tensor([[60_000.0, -60_000.0]], dtype=torch.float16), torch.tensor([1]))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(120_000, rel=1e-3)


def test_each_attribute_has_the_loss_of_its_kind() -> None:
    density, size = torch.tensor([3, UNKNOWN, 0]), torch.tensor([0.5, 0.25, math.nan])
    heads = {"density": torch.tensor(LOGITS), "mask_size": torch.tensor([[0.0], [1.0], [2.0]])}
    losses = attribute_losses(heads, {"mask_size": size, "density": density})
    assert losses.keys() == heads.keys()
    torch.testing.assert_close(losses["density"], cross_entropy(heads["density"], density))
    assert losses["mask_size"].item() == pytest.approx((0.25 + 0.5625) / 2)


def test_refuses_heads_that_do_not_fit() -> None:
    heads = {"view": torch.zeros(3, 2)}
    with pytest.raises(ValueError, match=r"\['view'\], and the images are labelled with \['density'\]"):
        attribute_losses(heads, {"density": torch.zeros(3, dtype=torch.int64)})
    with pytest.raises(ValueError, match="view is a number, so its head has 1 output, not 2"):
        attribute_losses(heads, {"view": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"got \(3, 1\) and \(3,\)"):
        squared_error(torch.zeros(3, 1), torch.zeros(3))
