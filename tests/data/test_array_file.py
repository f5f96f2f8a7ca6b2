"""Places of an array on disk, filled by several processes in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed

from mammo_gan.data.array_file import ArrayFile


def test_it_is_the_file_that_numpy_writes(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 2**16, (7, 5, 4), dtype=np.uint16)
    np.save(tmp_path / "numpy.npy", array)
    file = ArrayFile(tmp_path / "new" / "ours.npy", array.shape, np.uint16)
    file.make()
    for first in (5, 0, 2):
        file.write(first, array[first : first + (3 if first == 2 else 2)])
    assert file.path.read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    assert file.nbytes == file.path.stat().st_size


def test_an_empty_array_takes_no_disk(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "a.npy", (1000, 1024, 1024))
    file.make()
    assert file.path.stat().st_blocks * 512 < 10_000 < 1e9 < file.path.stat().st_size
    assert not np.load(file.path, mmap_mode="r")[999].any()


def test_many_processes_fill_one_page(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "a.npy", (200, 5, 4))  # all of it on one page of memory
    file.make()
    numbers = np.random.default_rng(0).permutation(200)
    Parallel(n_jobs=2)(delayed(file.write)(int(number), np.full((1, 5, 4), number, np.uint8)) for number in numbers)
    np.testing.assert_array_equal(np.load(file.path)[:, 0, 0], np.arange(200))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=400))
def test_other_content_is_not_the_array(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = ArrayFile(tmp_path_factory.mktemp("arrays") / "a.npy", (3, 4, 4))
    assert not file.is_there()
    file.path.write_bytes(content)
    assert not file.is_there()
    file.make()
    assert file.is_there()


def test_of_another_shape_type_or_length_it_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    file = ArrayFile(path, (3, 4, 4))
    file.make()
    assert not ArrayFile(path, (4, 4, 3)).is_there()
    assert not ArrayFile(path, (3, 4, 2), np.uint16).is_there()
    path.write_bytes(path.read_bytes() + b"\0")
    assert not file.is_there()


@pytest.mark.parametrize(
    ("first", "places"),
    [
        (2, np.zeros((2, 4, 4), np.uint8)),
        (-1, np.zeros((1, 4, 4), np.uint8)),
        (0, np.zeros((1, 4, 5), np.uint8)),
        (0, np.zeros((1, 4, 4), np.uint16)),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path: Path, first: int, places: np.ndarray) -> None:
    file = ArrayFile(tmp_path / "a.npy", (3, 4, 4))
    file.make()
    before = file.path.read_bytes()
    with pytest.raises(ValueError, match=r"a\.npy"):
        file.write(first, places)
    assert file.path.read_bytes() == before


def test_parts_of_larger_arrays_are_written_as_they_look(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "a.npy", (3, 4, 4))
    file.make()
    large = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    file.write(0, large[:, ::2, 7:3:-1], flush=False)
    file.flush()
    np.testing.assert_array_equal(np.load(file.path), large[:, ::2, 7:3:-1])
