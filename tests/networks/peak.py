"""How much memory tensors take at most, counted where they are made. Fake tensors count like real ones."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Peak(TorchDispatchMode):
    """`most` is the largest sum, in bytes, of what operations within made and nobody had dropped yet."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most: int = 0
        self._now = 0
        self._living: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        self.most = max(self.most, self._now)
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage._cdata, storage.nbytes()  # views have the same
        if address in self._living:
            return

        def forget(_: object) -> None:
            self._now -= size
            del self._living[address]

        self._now += size
        self._living[address] = weakref.ref(storage, forget)


def peak(run: Callable[[], object]) -> int:
    """Bytes that `run` takes at most."""
    counted = Peak()
    with counted:
        run()
    return counted.most
