"""A folder of patches from elsewhere: what is read and how, what is refused by name, and that it stays as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mammo_gan.errors import UserError
from mammo_gan.synthesis.image_folder import ImageFolder

SHAPE = (16, 16)


def noise(seed: int, shape: tuple[int, ...] = SHAPE, most: int = 255) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, most + 1, shape).astype(np.uint16)


def write(path: Path, pixels: NDArray[np.uint16], dtype: type = np.uint8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(dtype)).save(path)
    return path


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_all_below_it_is_read_in_the_order_of_paths_and_nothing_written(tmp_path: Path) -> None:
    for number, name in enumerate(("b.png", "a/z.tif", "a.png", "c.bmp/d.png")):
        write(tmp_path / name, noise(number))
    write(tmp_path / ".hidden.png", noise(9))
    write(tmp_path / ".cache/e.png", noise(9))
    before = state(tmp_path)
    made = ImageFolder(tmp_path)
    assert made.names == ["a.png", "a/z.tif", "b.png", "c.bmp/d.png"]
    assert len(made) == 4
    for place, seed in enumerate((2, 1, 0, 3)):
        image = made.image(place, SHAPE)
        assert image.dtype == np.float32
        np.testing.assert_allclose(image, noise(seed) / 255, atol=1e-6)
    made.sha256()
    assert state(tmp_path) == before


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_are_black_at_0_and_white_at_65535(tmp_path: Path, ending: str) -> None:
    pixels = noise(1, most=65535)
    pixels[0, :2] = 0, 65535
    write(tmp_path / f"a.{ending}", pixels, np.uint16)
    image = ImageFolder(tmp_path).image(0, SHAPE)
    assert (image[0, 0], image[0, 1]) == (0, 1)
    np.testing.assert_allclose(image, pixels / 65535, atol=0.5 / 255 + 1e-6)  # of 8 bits, as the real ones


def test_equal_channels_are_grey_and_others_are_refused_by_name(tmp_path: Path) -> None:
    grey = noise(1)
    write(tmp_path / "grey.png", np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_allclose(ImageFolder(tmp_path).image(0, SHAPE), grey / 255, atol=1e-6)
    write(tmp_path / "pink.png", noise(2, (*SHAPE, 3)))
    with pytest.raises(UserError, match=r"pink\.png: expected a grey image, found one in colour"):
        ImageFolder(tmp_path).image(1, SHAPE)


@given(factor=st.integers(2, 4), seed=st.integers(0, 99))
def test_larger_ones_shrink_to_area_means(tmp_path_factory: pytest.TempPathFactory, factor: int, seed: int) -> None:
    folder = tmp_path_factory.mktemp("large")
    pixels = noise(seed, (SHAPE[0] * factor, SHAPE[1] * factor))
    write(folder / "a.png", pixels)
    made = ImageFolder(folder)
    means = pixels.reshape(SHAPE[0], factor, SHAPE[1], factor).mean(axis=(1, 3))
    np.testing.assert_allclose(made.image(0, SHAPE), means / 255, atol=0.51 / 255)
    assert made.sizes == {pixels.shape: 1}


def test_sizes_are_counted_and_any_is_brought_to_the_one_asked_for(tmp_path: Path) -> None:
    for number, shape in enumerate(((16, 16), (7, 40), (7, 40), (1, 1))):
        write(tmp_path / f"{number}.png", noise(number, shape))
    made = ImageFolder(tmp_path)
    assert made.sizes == {(16, 16): 1, (7, 40): 2, (1, 1): 1}
    for number in range(4):
        image = made.image(number, SHAPE)
        assert image.shape == SHAPE
        assert 0 <= image.min() <= image.max() <= 1


def test_a_file_that_is_no_image_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(1))
    (tmp_path / "notes.txt").write_text("made on a Tuesday")
    with pytest.raises(UserError, match=r"notes\.txt: expected a whole image"):
        ImageFolder(tmp_path)


def test_a_broken_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.png", noise(1, (64, 64)))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"cut\.png: expected a whole image.*truncated"):
        ImageFolder(tmp_path).image(0, SHAPE)


def test_a_folder_without_files_or_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with pytest.raises(UserError, match=r"images=.*found no file in it or below"):
        ImageFolder(tmp_path)
    with pytest.raises(UserError, match=r"images=.*nowhere: expected a folder of images, found none"):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(UserError, match="expected a folder of images, found none"):
        ImageFolder(write(tmp_path / "a.png", noise(1)))


def test_a_link_that_leads_out_of_it_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.png", noise(1))
    write(tmp_path / "folder/a.png", noise(2))
    (tmp_path / "folder/b.png").symlink_to(secret)
    with pytest.raises(UserError, match=r"b\.png: expected a path within"):
        ImageFolder(tmp_path / "folder")


def test_the_sum_follows_names_and_bytes_and_not_the_place(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"one/{number}.png", noise(number))
    first = ImageFolder(tmp_path / "one").sha256()
    moved = shutil.copytree(tmp_path / "one", tmp_path / "patient_4711")
    assert ImageFolder(moved).sha256() == first
    sums = {first}
    (moved / "2.png").rename(moved / "3.png")
    sums.add(ImageFolder(moved).sha256())
    write(moved / "3.png", noise(8))
    sums.add(ImageFolder(moved).sha256())
    (moved / "3.png").unlink()
    sums.add(ImageFolder(moved).sha256())
    assert len(sums) == 4
