from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mammo_gan.losses.wasserstein import WassersteinLoss, gradient_penalty

LOSS = WassersteinLoss()
REAL, SYNTHETIC = torch.tensor([2.0, -0.5, 0.25]), torch.tensor([-1.0, 0.75, 3.0])


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def images() -> tuple[Tensor, Tensor]:
    noise = seeded()
    return torch.randn(4, 1, 5, 4, generator=noise), torch.randn(4, 1, 5, 4, generator=noise)


def test_the_losses_are_differences_and_squares_of_means() -> None:
    real, synthetic = REAL.numpy(), SYNTHETIC.numpy()
    assert LOSS.critic(REAL, SYNTHETIC).item() == pytest.approx(synthetic.mean() - real.mean())
    assert LOSS.generator(SYNTHETIC).item() == pytest.approx(-synthetic.mean())
    assert LOSS.drift(REAL).item() == pytest.approx(np.mean(real**2))


def test_a_batch_twice_over_costs_the_same() -> None:
    real, synthetic = images()
    weight = torch.randn(1, 1, 5, 4, generator=seeded())

    def scores_of(image: Tensor) -> Tensor:
        return (weight * image).sum((1, 2, 3))

    for once, twice in (
        (LOSS.critic(REAL, SYNTHETIC), LOSS.critic(REAL.repeat(2), SYNTHETIC.repeat(2))),
        (LOSS.generator(SYNTHETIC), LOSS.generator(SYNTHETIC.repeat(2))),
        (LOSS.drift(REAL), LOSS.drift(REAL.repeat(2))),
        (
            gradient_penalty(scores_of, real, synthetic),
            gradient_penalty(scores_of, real.repeat(2, 1, 1, 1), synthetic.repeat(2, 1, 1, 1)),
        ),
    ):
        assert twice.item() == pytest.approx(once.item(), rel=1e-5)


def test_half_precision_scores_lose_no_range() -> None:
    scores = torch.tensor([300.0, 300.0], dtype=torch.float16)
    assert LOSS.drift(scores).item() == 90_000  # above float16's largest number
    assert LOSS.critic(scores, -scores).dtype == LOSS.generator(scores).dtype == torch.float32


@pytest.mark.parametrize("target", [1.0, 5.0])
def test_of_a_linear_critic_the_penalty_is_that_of_its_weights(target: float) -> None:
    weight = torch.randn(1, 1, 5, 4, generator=seeded())
    penalty = gradient_penalty(lambda image: (weight * image).sum((1, 2, 3)), *images(), target=target)
    assert penalty.item() == pytest.approx((weight.norm().item() / target - 1) ** 2, rel=1e-5)


def test_of_a_square_the_penalty_is_that_of_points_between() -> None:
    real, synthetic = images()
    share = torch.rand(4, 1, 1, 1, generator=seeded()).double().numpy()
    point = (1 - share) * real.double().numpy() + share * synthetic.double().numpy()
    expected = np.mean((2 * np.sqrt((point**2).sum((1, 2, 3))) - 1) ** 2)
    penalty = gradient_penalty(lambda x: x.square().sum((1, 2, 3)), real, synthetic, source=seeded())
    assert penalty.item() == pytest.approx(expected, rel=1e-5)


def test_points_lie_on_the_lines_one_an_image_anew_each_time() -> None:
    seen: list[Tensor] = []

    def noted(image: Tensor) -> Tensor:
        seen.append(image.detach())
        return image.sum((1, 2, 3))

    real, synthetic = images()
    torch.manual_seed(0)
    for _ in range(2):
        gradient_penalty(noted, real, synthetic)
    shares = (seen[0] - real) / (synthetic - real)
    assert shares.std((1, 2, 3)).max() < 1e-4
    assert len(set(shares.mean((1, 2, 3)).tolist())) == 4
    assert 0 <= shares.min() <= shares.max() <= 1
    assert not torch.equal(*seen)


def test_a_critic_that_is_flat_costs_one_and_is_not_torn() -> None:
    weight = torch.zeros(1, 1, 5, 4, requires_grad=True)
    penalty = gradient_penalty(lambda image: (weight * image).sum((1, 2, 3)), *images())
    torch.autograd.backward(penalty)
    assert penalty == 1
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Softplus(), nn.Conv2d(3, 1, (3, 2)), nn.Flatten(0))


def test_gradients_reach_the_critic_alone() -> None:
    real, synthetic = (image.requires_grad_() for image in images())
    network = critic()
    torch.autograd.backward(gradient_penalty(network, real, synthetic))
    assert real.grad is None
    assert synthetic.grad is None
    weights = [parameter.grad for name, parameter in network.named_parameters() if "weight" in name]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in weights)


def test_its_gradient_agrees_with_finite_differences() -> None:
    network = critic()
    weight = next(network.parameters())
    (gradient,) = torch.autograd.grad(gradient_penalty(network, *images(), source=seeded()), weight)
    with torch.no_grad():
        for place, slope in np.ndenumerate(gradient.numpy()):
            costs = []
            for step in (1e-2, -1e-2):
                weight[place] += step
                with torch.enable_grad():
                    costs.append(gradient_penalty(network, *images(), source=seeded()).item())
                weight[place] -= step
            assert (costs[0] - costs[1]) / 2e-2 == pytest.approx(slope, abs=2e-3)


def test_autocast_is_kept_out_unless_it_is_let_in() -> None:
    network, seen = critic(), []

    def noted(image: Tensor) -> Tensor:
        scores: Tensor = network(image)
        seen.append((image.dtype, scores.dtype))
        return scores

    expected = gradient_penalty(network, *images(), source=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        alone = gradient_penalty(noted, *images(), source=seeded())
        mixed = gradient_penalty(noted, *images(), source=seeded(), in_float32=False)
    assert alone.item() == expected.item()
    assert mixed.item() == pytest.approx(expected.item(), rel=0.05)
    assert mixed.dtype == torch.float32
    assert seen == [(torch.float32, torch.float32), (torch.float32, torch.bfloat16)]


def test_refuses_what_it_cannot_pair() -> None:
    real, synthetic = images()
    with pytest.raises(ValueError, match=r"one size, got \(4, 1, 5, 4\) and \(3, 1, 5, 4\)"):
        gradient_penalty(critic(), real, synthetic[:3])
    with pytest.raises(ValueError, match="above 0, not 0"):
        gradient_penalty(critic(), real, synthetic, target=0.0)
