"""A sheet of pictures: each where it belongs, with its label below."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mammo_gan.reporting.figures.contact_sheet import HEIGHT, contact_sheet


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("L"))


@pytest.mark.parametrize("shape", [(64, 80), (640, 512), (5, 4)])
def test_every_picture_is_there_once_and_in_order(shape: tuple[int, int]) -> None:
    greys = [10, 60, 110, 160, 210]
    sheet = opened(contact_sheet([(np.full(shape, grey, np.uint8), "") for grey in greys]))
    width = round(HEIGHT * shape[1] / shape[0])
    found = []
    for grey in greys:
        rows, columns = np.nonzero(sheet == grey)
        assert len(rows) == HEIGHT * width
        found.append((int(rows.min()), int(columns.min())))
    assert found == sorted(found)
    assert len(set(found)) == 5


def test_a_label_is_written_below_and_never_into_its_neighbour() -> None:
    picture = np.zeros((40, 32), np.uint8)
    bare = opened(contact_sheet([(picture, ""), (picture, "")]))
    short = opened(contact_sheet([(picture, "train"), (picture, "")]))
    long = opened(contact_sheet([(picture, "train " * 50), (picture, "")]))
    for labelled in (short, long):
        rows, columns = np.nonzero(labelled != bare)
        assert rows.size
        assert rows.min() >= 8 + HEIGHT
        assert columns.max() < 8 + HEIGHT * 32 // 40


def test_pictures_of_several_shapes() -> None:
    with pytest.raises(ValueError, match="one shape"):
        contact_sheet([(np.zeros((4, 4), np.uint8), ""), (np.zeros((4, 5), np.uint8), "")])
