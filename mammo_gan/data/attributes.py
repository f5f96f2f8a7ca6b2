"""What a mammogram is asked to show, view, density and size of the breast, as numbers for a network
(korkinof2019_mammogan, section 3 a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from mammo_gan.data.batches import AttributeValues as AttributeValues
from mammo_gan.data.image_rows import ImageRow
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError

UNKNOWN = -1  # of a category; of a number, nan

# Assumption: the paper conditions on the size of the breast mask without a unit. It is a share of the image here, and
# what most images have, a quarter to three quarters, becomes -1 to 1, so that it weighs about as much as a category.
RANGES: Mapping[str, tuple[float, float]] = {"breast_mask_size": (0.25, 0.75)}


class Attributes:
    """Which columns of `ImageRow` images are told by, and how they become numbers.

    Args:
        categorical: name -> its categories, as the records spell them.
        continuous: names of numbers, of which `RANGES` knows the usual lowest and highest.

    Raises:
        ValueError: a name is no such column or stands there twice, or categories are fewer than two or repeated.
    """

    def __init__(self, categorical: Mapping[str, Sequence[str]], continuous: Sequence[str]) -> None:
        self.categorical = {name: tuple(map(str, categories)) for name, categories in categorical.items()}
        self.continuous = tuple(continuous)
        names, columns = [*self.categorical, *self.continuous], {field.name for field in fields(ImageRow)}
        if len(set(names)) < len(names) or not set(names) <= columns or not set(self.continuous) <= RANGES.keys():
            raise ValueError(
                f"attributes {names}: expected columns of a prepared image, each once, such as view and density, and "
                f"numbers among {', '.join(RANGES)}"
            )
        for name, categories in self.categorical.items():
            if len(set(categories)) < max(2, len(categories)):
                raise ValueError(f"{name}: expected two categories or more, each once, got {list(categories)}")

    @property
    def heads(self) -> dict[str, int]:
        """Name -> number of its categories, or 1 of a number; in the order of `AttributeValues`."""
        return {name: len(categories) for name, categories in self.categorical.items()} | dict.fromkeys(
            self.continuous, 1
        )

    @property
    def width(self) -> int:
        """Numbers in an encoded vector."""
        return sum(self.heads.values())

    def of_rows(self, rows: Sequence[ImageRow]) -> AttributeValues:
        """Of prepared images, in their order.

        Raises:
            UserError: one is of a category that isn't among those of the schema.
        """
        return self._of_columns({name: [getattr(row, name) for row in rows] for name in self.heads}, len(rows))

    def of_store(self, store: ImageStore, indices: NDArray[Any]) -> AttributeValues:
        """Of the images at these places of a store, without making its rows.

        Raises:
            UserError: as `of_rows`.
        """
        return self._of_columns({name: store.column(name)[indices] for name in self.heads}, len(indices))

    def asked(self, count: int, **values: str | float) -> AttributeValues:
        """The same for `count` images; what isn't named is unknown.

        Args:
            values: a category as the records spell it, or a number in its own unit: a breast mask's size as a share.

        Raises:
            UserError: there is no such attribute or category, or a number isn't one.
        """
        columns: dict[str, list[Any]] = {name: [None] for name in self.heads}
        for name, value in values.items():
            if name not in columns:
                raise UserError(f"attribute {name}={value}: expected one of {', '.join(columns) or 'none'}")
            if name in self.continuous and not isinstance(value, int | float):
                raise UserError(f"attribute {name}={value}: expected a number")
            columns[name] = [value]
        one = self._of_columns(columns, 1)
        return AttributeValues(*(field.expand(count, -1).clone() for field in one))

    def drawn(self, among: AttributeValues, count: int, source: torch.Generator) -> AttributeValues:
        """`count` rows of `among` with replacement: attributes that go together stay together, unknown ones unknown.

        Args:
            among: of a training set, an image at least.
            source: a generator of the CPU.
        """
        chosen = torch.randint(len(among.categories), (count,), generator=source).to(among.categories.device)
        return AttributeValues(*(field[chosen] for field in among))

    def encoded(self, values: AttributeValues) -> Tensor:
        """(B, width) float32: each category as 0s and a 1, then the numbers; all zeros where it is unknown."""
        columns = [
            category[:, None] == torch.arange(len(categories), device=category.device)
            for category, categories in zip(values.categories.T, self.categorical.values(), strict=True)
        ]
        return torch.cat([*columns, values.numbers.nan_to_num(0.0)], 1).float()

    def by_name(self, values: AttributeValues) -> dict[str, Tensor]:
        """Name -> (B,) int64 of a category, UNKNOWN where it isn't known, or float32 of a number, else nan."""
        return dict(zip(self.heads, [*values.categories.T, *values.numbers.T], strict=True))

    def _of_columns(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]], count: int) -> AttributeValues:
        categories = torch.empty(count, len(self.categorical), dtype=torch.int64)
        numbers = torch.empty(count, len(self.continuous))
        for place, (name, known) in enumerate(self.categorical.items()):
            codes = {None: UNKNOWN} | {category: code for code, category in enumerate(known)}
            spelt = [None if value is None else str(value) for value in columns[name]]
            if strange := set(spelt) - codes.keys():
                raise UserError(f"attribute {name}={min(map(str, strange))}: expected one of {', '.join(known)}")
            categories[:, place] = torch.tensor([codes[value] for value in spelt], dtype=torch.int64)
        for place, name in enumerate(self.continuous):
            low, high = RANGES[name]
            given = [float("nan") if value is None else float(value) for value in columns[name]]
            numbers[:, place] = 2 * (torch.tensor(given, dtype=torch.float64) - low) / (high - low) - 1
        return AttributeValues(categories, numbers)
