"""The names that a rule is given, checked before any image is looked at."""

from __future__ import annotations

from collections.abc import Collection

from mammo_gan.errors import UserError


def check_names(field: str, names: Collection[str], known: Collection[str] | None = None) -> None:
    """At least one name, none empty, and each one of `known` where that is given.

    Raises:
        UserError: otherwise.
    """
    # A lone text is a collection of letters: `kinds: mass` instead of `kinds: [mass]`.
    found = [names] if isinstance(names, str) else [str(name) for name in names]
    is_list = not isinstance(names, str)
    unknown = [name for name in found if not name.strip() or (known is not None and name not in known)]
    if unknown or not found or not is_list:
        expected = f"some of {', '.join(known)}" if known is not None else "one name or several"
        shown = ", ".join(name or "an empty text" for name in unknown or found) or "none"
        raise UserError(f"selection: {field}: expected a list of {expected}, found {shown}")
