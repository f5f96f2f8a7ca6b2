"""Which store a prepared folder holds."""

from __future__ import annotations

from pathlib import Path

from mammo_gan.data import image_store
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.store import PatchStore


def open_store(folder: Path) -> PatchStore | ImageStore:
    """The store in `folder`, by the table that lies there: of whole images, or else of patches to infill.

    Raises:
        UserError: there is neither, or it isn't whole.
    """
    return ImageStore.open(folder) if (folder / image_store.ROWS).is_file() else PatchStore.open(folder)
