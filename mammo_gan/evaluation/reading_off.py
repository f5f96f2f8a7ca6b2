"""What a network reads off images, beside what their records say or what a generator was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_gan.data.attributes import Attributes, AttributeValues
from mammo_gan.data.batches import MammogramBatch
from mammo_gan.data.pyramid import Size, check_sizes, pyramid
from mammo_gan.downstream.attribute_reader import AttributeReader
from mammo_gan.errors import UserError
from mammo_gan.evaluation.grey_levels import synthesised
from mammo_gan.synthesis.reading import SyntheticSet

COLUMNS = ("images", "attribute", "known", "read", "probability")


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one attribute and N images, in their order.

    probabilities: (N, categories), each row adding up to 1
    known:         (N,) places of the categories that are right, below 0 for unknown
    """

    attribute: str
    categories: Sequence[str]
    probabilities: NDArray[np.float64]
    known: NDArray[np.int64]

    def rows(self, images: str) -> Iterator[dict[str, Any]]:
        """As a table of `COLUMNS`, a row an image."""
        for right, told in zip(self.known.tolist(), self.probabilities, strict=True):
            read = int(told.argmax())
            yield {
                "images": images,
                "attribute": self.attribute,
                "known": self.categories[right] if right >= 0 else "",
                "read": self.categories[read],
                "probability": f"{told[read]:.6f}",
            }


def read_off(
    reader: AttributeReader, batches: Iterable[MammogramBatch], categories: Mapping[str, Sequence[str]]
) -> list[Readings]:
    """One for each attribute.

    Args:
        reader: in eval mode.
        categories: attribute -> its categories, in the order of the batches' columns.
    """
    logits, known = [], []
    for batch in batches:
        with torch.inference_mode():
            logits.append(
                {name: told.double().cpu() for name, told in reader.read(batch.image.to(reader.device)).items()}
            )
        known.append(batch.categories)
    right = torch.cat(known).numpy()
    told = {name: torch.cat([one[name] for one in logits]).softmax(1).numpy() for name in categories}
    return [Readings(name, categories[name], told[name], right[:, k]) for k, name in enumerate(categories)]


def as_asked(synthetic: SyntheticSet, attributes: Attributes, size: Size, batch_size: int) -> Iterator[MammogramBatch]:
    """All synthetic images, made smaller as real ones are when they are prepared, with what they were asked to show.

    Raises:
        UserError: their size can't be halved to `size`.
    """
    images = synthesised(synthetic)
    sizes = check_sizes(sorted({images.size, size}))
    if sizes[0] != images.size:
        raise UserError(
            f"downstream.reading.size={list(size)}: expected at most the {list(images.size)} px of the images in "
            f"{synthetic.folder}; choose a smaller size"
        )
    for first in range(0, len(images), batch_size):
        numbers = range(first, min(first + batch_size, len(images)))
        levels = np.stack([pyramid(images[number], sizes)[-1] for number in numbers])[:, None]  # (B, 1, H, W) uint8
        shown = [
            {name: getattr(synthetic.records[number], name) for name in attributes.categorical} for number in numbers
        ]
        asked = [attributes.asked(1, **{name: said for name, said in one.items() if said is not None}) for one in shown]
        values = AttributeValues(*(torch.cat(fields) for fields in zip(*asked, strict=True)))
        yield MammogramBatch(torch.from_numpy(levels.astype(np.float32) / np.float32(127.5) - 1), *values)
