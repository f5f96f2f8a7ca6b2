from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mammo_gan.losses.differentiable_augmentation import DifferentiableAugmentation

NONE = {"brightness": 0.0, "contrast": 0.0, "translation": 0.0, "cutout": 0.0}
IMAGE = 2 * torch.rand(64, 1, 16, 16, generator=torch.Generator().manual_seed(1)) - 1


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def only(**setting: float) -> DifferentiableAugmentation:
    return DifferentiableAugmentation(**NONE | setting)


def test_nothing_changes_nothing() -> None:
    assert torch.equal(only()(IMAGE), IMAGE)


def test_brightness_adds_one_number_an_image() -> None:
    added = only(brightness=0.5)(IMAGE) - IMAGE
    levels = added.mean((1, 2, 3))
    torch.testing.assert_close(added, levels[:, None, None, None].expand_as(added), rtol=0, atol=1e-6)
    assert levels.abs().max() <= 0.5
    assert levels.std() > 0.2  # uniform: 0.29


def test_contrast_keeps_the_mean() -> None:
    changed = only(contrast=0.5)(IMAGE)
    torch.testing.assert_close(changed.mean((1, 2, 3)), IMAGE.mean((1, 2, 3)), rtol=0, atol=1e-6)
    ratio = changed.std((1, 2, 3)) / IMAGE.std((1, 2, 3))
    assert 0.5 <= ratio.min() < 0.6
    assert 1.4 < ratio.max() <= 1.5


def test_translation_moves_by_whole_pixels_and_fills_with_grey() -> None:
    image = torch.zeros(200, 1, 16, 16)
    image[:, :, 8, 8] = 1
    moved = only(translation=0.25)(image)
    assert (moved.sum((1, 2, 3)) == 1).all()
    places = moved.nonzero()[:, 2:]
    assert set(places[:, 0].tolist()) == set(places[:, 1].tolist()) == set(range(4, 13))
    assert len({tuple(place) for place in places.tolist()}) > 50  # the axes move on their own
    lost = only(translation=0.25)(torch.ones(200, 1, 16, 16)).sum((1, 2, 3))
    assert lost.min() == 12 * 12
    assert lost.max() == 16 * 16


def test_cutout_leaves_a_square_out() -> None:
    cut = only(cutout=0.5)(torch.ones(300, 1, 16, 16))
    gone = 256 - cut.sum((1, 2, 3))
    assert gone.max() == 64  # 8 x 8 within the image
    assert gone.min() < 32  # or partly beyond it
    assert set(cut.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("setting", ["brightness", "contrast", "translation", "cutout"])
def test_gradients_are_those_of_finite_differences(setting: str) -> None:
    image = IMAGE[:2, :, :4, :4].double().requires_grad_()
    augment = only(**{setting: 0.5})

    def repeated(x: Tensor) -> Any:
        torch.manual_seed(3)
        return augment(x)

    checked: Callable[..., bool] = torch.autograd.gradcheck
    assert checked(repeated, (image,))


def test_images_are_changed_on_their_own_and_type_and_shape_stay() -> None:
    augment = DifferentiableAugmentation()
    changed = augment(IMAGE[:1].repeat(5, 1, 1, 1).bfloat16())
    assert (changed.dtype, changed.shape) == (torch.bfloat16, (5, 1, 16, 16))
    assert all(not torch.equal(changed[0], other) for other in changed[1:])


@pytest.mark.parametrize("setting", [{"brightness": -1.0}, {"contrast": 1.5}, {"cutout": 2.0}, {"translation": -0.1}])
def test_impossible_settings_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares lie in"):
        only(**setting)
