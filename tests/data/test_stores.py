from __future__ import annotations

from pathlib import Path

import pytest

from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.store import PatchStore
from mammo_gan.data.stores import open_store
from mammo_gan.errors import UserError
from tests.data.lesion_store import write
from tests.data.test_lesions import PATCHES
from tests.synthesis.small_store import small_store


def test_a_folder_is_opened_as_what_it_holds(tmp_path: Path) -> None:
    small_store(tmp_path / "patches")
    (tmp_path / "images").mkdir()
    write(tmp_path / "images", PATCHES)
    assert isinstance(open_store(tmp_path / "patches"), PatchStore)
    assert isinstance(open_store(tmp_path / "images"), ImageStore)
    with pytest.raises(UserError, match="isn't whole"):
        open_store(tmp_path)
