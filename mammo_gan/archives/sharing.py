"""Equal values held once: a million records repeat their patients, views, sizes and devices."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from mammo_gan.archives.records import Acquisition

_OWN = frozenset({"scanned", "state", "pixels", "seed"})  # digests and seeds: hardly two of them are equal


class Shared:
    """Gives one object for all equal ones that it has seen. Let go of it when the records are made."""

    def __init__(self) -> None:
        self._seen: defaultdict[type[Any], dict[Any, Any]] = defaultdict(dict)  # by type, as 1, 1.0 and True are equal

    def within(self, value: Any) -> Any:
        """An equal value, whose parts are shared with those of all others that went through here.

        Args:
            value: a number, a text or None, a tuple of such, or a frozen dataclass of all these.
        """
        kind: Any = type(value)
        if kind is tuple:
            return tuple(map(self.within, value))
        if parts := _parts(kind):
            given = {name: getattr(value, name) for name in parts}
            return kind(**{name: part if name in _OWN else self.within(part) for name, part in given.items()})
        return self._seen[kind].setdefault(value, value)


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass whose objects differ; an acquisition is shared as a whole."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) and kind is not Acquisition else ()
