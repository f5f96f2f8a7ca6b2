"""Image files of every kind accepted, and the kinds that are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import Header, read_header, read_image, read_mask

RNG = np.random.default_rng(3)
GREY_8 = RNG.integers(0, 256, (12, 9), dtype=np.uint8)
GREY_16 = RNG.integers(0, 65536, (12, 9), dtype=np.uint16)


def saved(path: Path, pixels: NDArray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
@pytest.mark.parametrize("pixels", [GREY_8, GREY_16], ids=["8 bits", "16 bits"])
def test_grey_files_come_back_as_they_were(tmp_path: Path, name: str, pixels: NDArray) -> None:
    path = saved(tmp_path / name, pixels)
    read = read_image(path)
    assert read.dtype == pixels.dtype
    assert np.array_equal(read, pixels)
    assert read_header(path) == Header(12, 9, bits=8 * pixels.dtype.itemsize)


def test_a_jpeg_comes_back_nearly(tmp_path: Path) -> None:
    smooth = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (24, 1))
    read = read_image(saved(tmp_path / "a.jpg", smooth, quality=95))
    assert np.abs(read.astype(int) - smooth).max() < 12


@pytest.mark.parametrize("channels", [3, 4])
def test_equal_channels_count_as_grey(tmp_path: Path, channels: int) -> None:
    stacked = np.repeat(GREY_8[..., None], channels, axis=2)
    assert np.array_equal(read_image(saved(tmp_path / "a.png", stacked)), GREY_8)


def test_a_colour_image_is_refused(tmp_path: Path) -> None:
    coloured = np.repeat(GREY_8[..., None], 3, axis=2)
    coloured[5, 5, 2] ^= 1
    with pytest.raises(UserError, match=r"a\.png: expected a grey image, found one in colour"):
        read_image(saved(tmp_path / "a.png", coloured))


def test_a_grey_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([200, 200, 200, 10, 10, 10, 90, 90, 90])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[200, 10], [90, 10]]


@pytest.mark.parametrize("pixels", [GREY_8, GREY_16], ids=["8 bits", "16 bits"])
def test_a_tiff_whose_zero_is_white_is_turned_round(tmp_path: Path, pixels: NDArray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(read_image(tmp_path / "a.tif"), np.iinfo(pixels.dtype).max - pixels)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("float.tif", "mode F"), ("pages.tif", "2 pages"), ("a.bmp", "of another kind"), ("none.png", "found none")],
)
def test_other_kinds_are_refused(tmp_path: Path, name: str, expected: str) -> None:
    if name == "float.tif":
        tifffile.imwrite(tmp_path / name, GREY_8.astype(np.float32))
    elif name == "pages.tif":
        tifffile.imwrite(tmp_path / name, np.stack([GREY_8, GREY_8]), photometric="minisblack")
    elif name == "a.bmp":
        saved(tmp_path / name, GREY_8)
    with pytest.raises(UserError, match=expected) as error:
        read_image(tmp_path / name)
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm", "a.jpg"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, name: str, share: float) -> None:
    path = saved(tmp_path / name, RNG.integers(0, 256, (64, 64), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=f"{name}: .*(truncated|another kind)"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # decoders warn before they give up
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200),
    start=st.sampled_from(
        [b"", b"P5 3 3 255\n", b"P5 3 3 65535\n", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"\xff\xd8"]
    ),
    suffix=st.sampled_from([".png", ".dcm"]),
)
def test_any_bytes_give_an_image_or_a_user_error(tmp_path: Path, content: bytes, start: bytes, suffix: str) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(start + content)
    for read in (read_image, read_mask, read_header):
        try:
            read(path)
        except UserError as error:
            assert path.name in str(error)


@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_is_true_where_it_is_not_zero(tmp_path: Path, value: int) -> None:
    drawn = np.zeros((8, 6), dtype=bool)
    drawn[2:5, 1:4] = True
    mask = read_mask(saved(tmp_path / "m.png", drawn.astype(np.uint8) * np.uint8(value)))
    assert mask.dtype == np.bool_
    assert np.array_equal(mask, drawn)
    assert np.array_equal(read_mask(saved(tmp_path / "one_bit.png", drawn)), drawn)


def test_of_a_palette_mask_the_indices_count(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[False, True]]


@pytest.mark.parametrize("values", [[0, 100, 255], [1, 2], [0, 1, 2]])
def test_a_mask_of_other_values_is_refused_naming_them(tmp_path: Path, values: list[int]) -> None:
    with pytest.raises(UserError, match=", ".join(map(str, values))):
        read_mask(saved(tmp_path / "m.png", np.array([values], dtype=np.uint8)))
