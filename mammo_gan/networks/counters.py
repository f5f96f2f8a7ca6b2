"""Counts of a module's progress that are part of its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn


class Counters(nn.Module):
    """A module with () int64 buffers that stay on the CPU: steps depend on them, and reading one must not wait for a
    GPU."""

    def __init__(self) -> None:
        super().__init__()
        self._counters: set[str] = set()

    def register_counter(self, name: str) -> None:
        """Make one, at 0."""
        self._counters.add(name)
        self.register_buffer(name, torch.zeros((), dtype=torch.int64))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        counters = {name: self._buffers[name] for name in self._counters}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._buffers.update(counters)
        return self
