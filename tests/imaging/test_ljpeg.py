from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammo_gan.errors import UserError
from mammo_gan.imaging.ljpeg import read_ljpeg, write_ljpeg

HEIGHT, WIDTH = 23, 17


@pytest.fixture
def digits() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2**12, (HEIGHT, WIDTH)).astype(np.uint16)


@pytest.fixture
def film(tmp_path: Path, digits: np.ndarray) -> Path:
    path = tmp_path / "A_0001_1.LEFT_CC.LJPEG"
    write_ljpeg(path, digits, bits=12)
    return path


@settings(deadline=None, max_examples=50)
@given(st.sampled_from([12, 16]).flatmap(lambda bits: st.tuples(st.just(bits), _films(bits))))
def test_what_was_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, case: tuple[int, np.ndarray]) -> None:
    bits, written = case
    path = tmp_path_factory.mktemp("films") / "film.LJPEG"
    write_ljpeg(path, written, bits)
    read = read_ljpeg(path, *written.shape)
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, written)


def _films(bits: int) -> st.SearchStrategy[np.ndarray]:
    sizes = st.tuples(st.integers(2, 12), st.integers(2, 12))
    return arrays(np.uint16, sizes, elements=st.integers(0, 2**bits - 1))


@pytest.mark.parametrize("predictor", range(1, 8))
def test_libjpegs_streams_are_read_whatever_their_predictor(tmp_path: Path, digits: np.ndarray, predictor: int) -> None:
    path = tmp_path / "film.LJPEG"
    path.write_bytes(imagecodecs.jpeg8_encode(digits, lossless=True, predictor=predictor, bitspersample=12))
    np.testing.assert_array_equal(read_ljpeg(path, HEIGHT, WIDTH), digits)


def test_a_stream_that_the_first_decoder_refuses_goes_to_the_second(
    film: Path, digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(stream: bytes) -> None:
        raise imagecodecs.LjpegError("lj92_open", -1)

    monkeypatch.setattr(imagecodecs, "ljpeg_decode", refuse)
    np.testing.assert_array_equal(read_ljpeg(film, HEIGHT, WIDTH), digits)


@pytest.mark.parametrize("lost", [1, 2, 10, 100, 300])
def test_a_truncated_file_is_refused(film: Path, lost: int) -> None:
    film.write_bytes(film.read_bytes()[:-lost])
    with pytest.raises(UserError, match=r"A_0001_1\.LEFT_CC\.LJPEG: truncated"):
        read_ljpeg(film, HEIGHT, WIDTH)


def test_padding_after_the_end_marker_is_no_truncation(film: Path, digits: np.ndarray) -> None:
    film.write_bytes(film.read_bytes() + bytes(7))
    np.testing.assert_array_equal(read_ljpeg(film, HEIGHT, WIDTH), digits)


@pytest.mark.parametrize("size", [(HEIGHT + 1, WIDTH), (HEIGHT, WIDTH - 1), (1, HEIGHT * WIDTH)])
def test_another_size_than_stated_is_refused(film: Path, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=rf"expected the {size[0]} x {size[1]} .* found {HEIGHT} x {WIDTH}"):
        read_ljpeg(film, *size)


def test_a_transposed_header_keeps_the_order_of_the_digits(film: Path, digits: np.ndarray) -> None:
    np.testing.assert_array_equal(read_ljpeg(film, WIDTH, HEIGHT).ravel(), digits.ravel())


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "found an empty file"),
        (b"P5 17 23 65535\n", "found 5035"),
        (b"\xff\xd8\xff\xd9", "no decoder reads"),
        (b"\xff\xd8" + b"\x01\x02" * 40 + b"\xff\xd9", "no decoder reads"),
    ],
)
def test_what_is_not_lossless_jpeg_is_refused(tmp_path: Path, stream: bytes, message: str) -> None:
    path = tmp_path / "film.LJPEG"
    path.write_bytes(stream)
    with pytest.raises(UserError, match=message):
        read_ljpeg(path, HEIGHT, WIDTH)


def test_a_lossy_stream_is_refused(tmp_path: Path, digits: np.ndarray) -> None:
    path = tmp_path / "film.LJPEG"
    path.write_bytes(imagecodecs.jpeg8_encode((digits >> 4).astype(np.uint8)))
    with pytest.raises(UserError, match="no decoder reads"):
        read_ljpeg(path, HEIGHT, WIDTH)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.LJPEG: can't be read"):
        read_ljpeg(tmp_path / "nowhere.LJPEG", HEIGHT, WIDTH)


def test_digits_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4096 doesn't fit into 12 bits"):
        write_ljpeg(tmp_path / "film.LJPEG", np.full((2, 2), 4096, dtype=np.uint16), bits=12)
