"""Bands of spatial frequency: what they hold, and that each weighs the same once it is measured."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mammo_gan.networks.bands import Bands, bands_of


def tissue(count: int, side: int, seed: int = 0) -> Tensor:
    """(count, 1, side, side): coarse structure with a twentieth of fine structure on it."""
    source = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, side // 8, side // 8, generator=source)
    smooth = F.interpolate(coarse, size=side, mode="bicubic")
    return smooth + 0.05 * torch.randn(count, 1, side, side, generator=source)


@settings(deadline=None, max_examples=20)
@given(count=st.integers(1, 5), side=st.sampled_from([16, 32, 48]), seed=st.integers(0, 1000))
def test_the_bands_add_up_to_the_image(count: int, side: int, seed: int) -> None:
    image = tissue(2, side, seed).double()
    bands = bands_of(image, count)
    assert bands.shape == (2, count, side, side)
    torch.testing.assert_close(bands.sum(1, keepdim=True), image)


def test_a_wave_is_in_the_band_of_its_length() -> None:
    columns = torch.arange(64.0)
    power = []
    for length in (2, 4, 8, 16, 64):  # px
        wave = torch.cos(2 * torch.pi * columns / length).expand(1, 1, 64, 64)
        power.append(bands_of(wave, 4).square().mean((0, 2, 3)))
    strongest = [int(of_wave.argmax()) for of_wave in power]
    assert strongest == [0, 0, 1, 2, 3]


def test_each_band_has_its_own_deviation_taken_out() -> None:
    bands = Bands(3)
    images = tissue(64, 32)
    assert not bands.measured
    before = bands(images).std((0, 2, 3), correction=0)
    assert before[2] > 5 * before[0]
    bands.measure(images)
    assert bands.measured
    torch.testing.assert_close(bands(images).std((0, 2, 3), correction=0), torch.ones(3))


def test_what_does_not_vary_is_left_as_it_is() -> None:
    bands = Bands(2)
    bands.measure(torch.full((3, 1, 8, 8), 0.5))
    assert bands.deviation.tolist() == [1, 1]
    assert bands(torch.full((1, 1, 8, 8), 0.5)).isfinite().all()


def test_half_precision_keeps_the_fine_band() -> None:
    images = tissue(8, 32)
    bands = Bands(3)
    bands.measure(images)
    expected = bands(images)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(bands(images), expected)


def test_sizes_below_the_last_band_have_its_deviation() -> None:
    bands = Bands(3)
    bands.deviation.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert [float(deviation) for deviation in bands.of_halvings(5)] == [3, 3, 3, 2, 1]


def test_no_band_is_refused() -> None:
    with pytest.raises(ValueError, match="a band at least"):
        Bands(0)
