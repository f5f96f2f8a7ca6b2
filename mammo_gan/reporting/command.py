"""The command of a run in a form that may be published: no folder of the user's machine stands in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

# Folders and files of one machine, whatever they look like.
_PATH_KEYS = re.compile(r"^((archive|reference)\.root|images|init_from|paths\..+|.*\.(path|folder|file|dir))$")
# An absolute, home or dot path at the start of a value or of an element of a list or mapping in it.
_PATH_VALUE = re.compile(r"""(?:^|[\s\[{(,:='"])(?:~[^\s,]*|\.{0,2}[/\\]|[A-Za-z]:[/\\]|[a-z][a-z0-9+]*://)""")
# Names of configuration groups hold slashes themselves, as in preset/method=...
_NOT_PATHS = {"stages"}


def shareable_command(overrides: Sequence[str], module: str = "mammo_gan.run") -> str:
    """`python -m mammo_gan.run ...` with each path among the overrides replaced by the word PATH."""
    return shlex.join(["python", "-m", module, *(_without_path(override) for override in overrides)])


def _without_path(override: str) -> str:
    key, equals, value = override.partition("=")
    name = key.lstrip("+~")
    if equals and value and name not in _NOT_PATHS and (_PATH_KEYS.match(name) or _PATH_VALUE.search(value)):
        return f"{key}=PATH"
    return override
