from __future__ import annotations

import pytest
import torch

from mammo_gan.networks.reader import Reader


@pytest.mark.parametrize("size", [(80, 64), (33, 21), (5, 4)])
def test_any_size_gives_the_numbers_and_reaches_all_weights(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = Reader([4, 6, 8], 5)
    found = network(torch.randn(3, 1, *size))
    assert found.shape == (3, 5)
    found.square().sum().backward()
    assert all(weight.grad is not None and bool(weight.grad.any()) for weight in network.parameters())


def test_parameters() -> None:
    kernels = 9 * (1 * 4 + 4 * 6 + 6 * 8)
    assert sum(weight.numel() for weight in Reader([4, 6, 8], 5).parameters()) == kernels + 2 * (4 + 6 + 8) + 8 * 5 + 5
