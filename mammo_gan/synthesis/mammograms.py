"""Mammograms drawn from noise by a trained, conditional generator (korkinof2019_mammogan, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mammo_gan.data.attributes import RANGES, UNKNOWN, Attributes
from mammo_gan.data.batches import AttributeValues
from mammo_gan.synthesis.sampling import Progress

Asked = Mapping[str, str | float | None]  # attribute -> a category, or a number in its own unit; None = left open


@dataclass(frozen=True, slots=True)
class DrawnMammogram:
    """A synthetic mammogram, and how to draw it again: of the noise of `seed`, with the attributes that it was asked.

    image: (H, W) float32 in [0, 1], as the generator has it: what is nearly black isn't made black.
    """

    image: NDArray[np.float32]
    seed: int
    asked: Asked


def attributes_to_ask(
    schema: Attributes, training: AttributeValues, asked: Mapping[str, str | float], count: int, seed: int
) -> AttributeValues:
    """What `count` images are asked to show; fewer are the first of more.

    Whole rows are drawn from the training images that show what is asked, so that the rest is as it goes with that:
    an MLO view has the densities of MLO views. A number that is asked replaces the row's. Where no training image shows
    the categories asked, the rest is left unknown.

    Raises:
        UserError: there is no such attribute or category.
    """
    # Assumption: of which density and size the paper's samples are isn't said. What isn't asked for goes with the rest
    # as it does in training; zeros instead would ask for what no training image may have shown.
    wanted = schema.asked(1, **asked)
    fits = ((wanted.categories == UNKNOWN) | (training.categories == wanted.categories)).all(dim=1)
    if not fits.any():
        return schema.asked(count, **asked)
    among = AttributeValues(*(field[fits] for field in training))
    source = torch.Generator().manual_seed(seed)
    rows = [schema.drawn(among, 1, source) for _ in range(count)]
    categories, numbers = (torch.cat(fields) for fields in zip(*rows, strict=True))
    return AttributeValues(categories, torch.where(wanted.numbers.isnan(), numbers, wanted.numbers))


def told(schema: Attributes, values: AttributeValues) -> list[dict[str, str | float | None]]:
    """Each image's attributes by name, categories as the records spell them and numbers in their own unit."""
    columns: dict[str, list[str | float | None]] = {}
    for name, column in schema.by_name(values).items():
        if name in schema.categorical:
            categories = schema.categorical[name]
            columns[name] = [None if code == UNKNOWN else categories[code] for code in column.tolist()]
        else:
            low, high = RANGES[name]
            columns[name] = [
                None if isnan(number) else round(low + (high - low) * (number + 1) / 2, 6) for number in column.tolist()
            ]
    return [{name: column[row] for name, column in columns.items()} for row in range(len(values.categories))]


def draw_mammograms(
    generator: nn.Module,
    schema: Attributes,
    values: AttributeValues,
    *,
    batch_size: int,
    seed: int,
    device: torch.device | str,
    progress: Progress = lambda items, total, description: items,
) -> Iterator[DrawnMammogram]:
    """An image for each row of `values`, of noise of its own: no image depends on how they are put into batches.

    Args:
        generator: as `networks.mammogan.Generator`, with numbers `latent` and `stages`, run at its last stage. It is
            moved to `device` and left there, in eval mode.
        progress: progress(items, total, description), passing images on as they are made.
    """
    generator.to(device).eval()
    count = len(values.categories)
    seeds = np.random.default_rng(seed).integers(2**62, size=count).tolist()
    asked = told(schema, values)
    encoded = schema.encoded(values)  # (N, attributes)

    def images() -> Iterator[DrawnMammogram]:
        for start in range(0, count, batch_size):
            rows = slice(start, start + batch_size)
            drawn = _batch(generator, seeds[rows], encoded[rows].to(device))
            yield from map(DrawnMammogram, drawn, seeds[rows], asked[rows])

    yield from progress(images(), count, "synthesis")


def _batch(generator: Any, seeds: list[int], encoded: Tensor) -> NDArray[np.float32]:
    """(B, H, W) in [0, 1], of B seeds and attributes (B, A)."""
    noise = [torch.randn(generator.latent, generator=torch.Generator().manual_seed(own)) for own in seeds]
    with torch.inference_mode():
        z = torch.stack(noise).to(encoded.device)
        images = generator(z, encoded, stage=generator.stages - 1, alpha=1.0)[:, 0]
        grey: NDArray[np.float32] = ((images.float().clamp(-1, 1) + 1) / 2).cpu().numpy()
    return grey
