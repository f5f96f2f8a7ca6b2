"""The files of a training's checkpoints: written whole or not at all, and found again."""

from __future__ import annotations

import logging
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.types import _PATH

from mammo_gan.errors import UserError
from mammo_gan.files import flush_folder, written_whole

log = logging.getLogger(__name__)

LAST, PREVIOUS, NEXT, BEST = "last.ckpt", "previous.ckpt", "next.ckpt", "best.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target, never in the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Write the file.

        Raises:
            OSError: the disk is full, a quota reached, a folder not to be written to; with errno and `path`. A file
                that was there before is as it was, and nothing is left of the new one.
        """
        if storage_options is not None:
            raise TypeError("AtomicCheckpointIO writes local files and takes no storage_options")
        try:
            with written_whole(Path(path)) as unfinished, unfinished.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:
            cause = _os_error_behind(error)
            if cause is None:
                raise
            raise OSError(cause.errno, cause.strerror, str(path)) from error


def _os_error_behind(error: BaseException | None) -> OSError | None:
    """torch.save ends its file also after a write has failed, and hides that error behind a RuntimeError."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error
        error = error.__cause__ or error.__context__
    return None


def rotate(folder: Path, best: bool) -> None:
    """Make next.ckpt the newest checkpoint, the one of before being kept as previous.ckpt.

    Args:
        best: it becomes best.ckpt too. First, so that last.ckpt never speaks of a best one that isn't there.
    """
    if best:
        with written_whole(folder / BEST) as unfinished:
            shutil.copyfile(folder / NEXT, unfinished)
    if (folder / LAST).exists():
        (folder / LAST).replace(folder / PREVIOUS)
    (folder / NEXT).replace(folder / LAST)
    flush_folder(folder)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed had begun to write. Nobody else may be writing there."""
    for name in (NEXT, BEST):
        for unfinished in folder.glob(f".{name}.*"):
            unfinished.unlink(missing_ok=True)


def find_last(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` that can be loaded, or None if there is none at all.

    A file that can't be loaded (a copy cut short, a fault of the disk) is named in a warning, and the one before it is
    taken. Files are loaded with weights_only=True: a pickle with anything but tensors and plain values is refused.

    Raises:
        UserError: there are files and none of them can be loaded.
    """
    refused: list[str] = []
    # next.ckpt is there only if its writer was killed just before it was renamed.
    for path in (folder / NEXT, folder / LAST, folder / PREVIOUS):
        if not path.exists():
            continue
        if (reason := _why_not(path)) is not None:
            refused.append(f"{path.name} ({reason})")
            continue
        if refused:
            log.warning("%s: can't load %s; going on from %s instead", folder, " and ".join(refused), path.name)
        return path
    if refused:
        raise UserError(
            f"{folder}: looked for a checkpoint to go on from, can't load {' nor '.join(refused)}. Put a whole copy "
            "there, or train from the beginning with resume=none, which sets these files aside"
        )
    return None


def _why_not(path: Path) -> str | None:
    """What keeps a checkpoint from being loaded, in a few words; None if nothing does."""
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if zipfile.is_zipfile(path):
            return "holds more than tensors and plain values, and is not loaded because it could run code"
        return "not a checkpoint"
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()
        return reason[0] if reason else type(error).__name__
    return None
