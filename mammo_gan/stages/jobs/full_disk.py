"""A full disk: said in one line, wherever in a run it was met."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mammo_gan.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
# Libraries written in other languages name it in words alone.
IN_WORDS = ("no space left on device", "disk quota exceeded", "not enough space on the disk")
# torch's archive writer says no reason; it is believed to be this one where so little is free.
TORCH, LITTLE = ("pytorchstreamwriter", "file write failed"), 2**20


def explain(error: BaseException, output: Path) -> UserError | None:
    """What to tell the user if a full disk is behind an error.

    Args:
        output: where results go.
    """
    met = next((e for e in _chain(error) if _is_full(e, output)), None)
    if met is None:
        return None
    file = getattr(met, "filename", None)
    where = Path(file) if isinstance(file, str) else min((output, Path(tempfile.gettempdir())), key=_free)
    return UserError(
        f"the disk is full: {where} could not be written ({_free(where) / 2**20:.0f} MiB left). Finished stages and "
        "the last checkpoint are whole. Make room; the same command goes on from there"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_full(error: BaseException, output: Path) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    said = str(error).lower()
    if isinstance(error, UserError) or not isinstance(error, Exception):
        return False
    return any(words in said for words in IN_WORDS) or (any(w in said for w in TORCH) and _free(output) < LITTLE)


def _free(path: Path) -> int:
    """Bytes that are free where `path` is or would be."""
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
    return shutil.disk_usage(there).free
