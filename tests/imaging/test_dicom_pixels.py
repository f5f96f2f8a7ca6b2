"""Every transfer syntax against the values that were packed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo_gan.errors import UserError
from mammo_gan.imaging import dicom_pixels
from mammo_gan.imaging.dicom import read_dicom
from mammo_gan.imaging.dicom_file import open_dicom
from mammo_gan.imaging.dicom_pixels import stored_bits
from tests.imaging.dicom_files import write_dicom

Pack = Callable[[NDArray], bytes]


def film(bits: int, signed: bool = False, shape: tuple[int, int] = (61, 47)) -> NDArray:
    """(61, 47) a smooth ramp and noise that reach both ends of the depth; odd sides, and an odd number of pixels."""
    generator = np.random.default_rng(bits)
    ramp: NDArray = np.linspace(0, 2**bits - 1, shape[0] * shape[1]).reshape(shape)
    values: NDArray = np.clip(ramp + generator.normal(scale=2**bits / 50, size=shape), 0, 2**bits - 1).astype(np.int64)
    values.flat[:2] = 0, 2**bits - 1
    if not signed:
        return np.asarray(values, dtype=np.uint8 if bits == 8 else np.uint16)
    return np.asarray(values - 2 ** (bits - 1), dtype=np.int16)


def values_of(path: Path, signed: bool, bits: int) -> NDArray:
    """Stored values as `stored_bits` gives them, two's complement undone by hand."""
    values: NDArray = stored_bits(path, open_dicom(path, stop_before_pixels=False)).astype(np.int64)
    if signed:
        values[values >= 2 ** (bits - 1)] -= 2**bits
    return values


def pack_rle(words: NDArray, bits: int) -> bytes:
    return bytes(
        RLELosslessEncoder.encode(
            words.tobytes(), rows=words.shape[0], columns=words.shape[1], samples_per_pixel=1, number_of_frames=1,
            bits_allocated=8 * words.itemsize, bits_stored=8 * words.itemsize, pixel_representation=0,
            photometric_interpretation="MONOCHROME2", encoding_plugin="pydicom",
        )
    )  # fmt: skip


def pack_process_14(words: NDArray, bits: int) -> bytes:
    """With a predictor that SV1 doesn't allow."""
    return bytes(imagecodecs.jpeg8_encode(words, lossless=True, predictor=6, bitspersample=bits))


def pack_sv1(words: NDArray, bits: int) -> bytes:
    return bytes(imagecodecs.ljpeg_encode(words.astype(np.uint16), bitspersample=bits))


def pack_jpeg_ls(words: NDArray, bits: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(words))


def pack_jpeg_2000(words: NDArray, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(words, level=0, codecformat="j2k", reversible=True, bitspersample=bits))


PACKED: dict[str, Callable[[NDArray, int], bytes]] = {
    JPEGLossless: pack_process_14,
    JPEGLosslessSV1: pack_sv1,
    JPEGLSLossless: pack_jpeg_ls,
    JPEG2000Lossless: pack_jpeg_2000,
    JPEG2000: pack_jpeg_2000,
    RLELossless: pack_rle,
}
BARE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
ALL = (*BARE, *PACKED)


def pack_of(syntax: str, bits: int) -> Pack | None:
    return (lambda words: PACKED[syntax](words, bits)) if syntax in PACKED else None


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [8, 12, 14, 16])
@pytest.mark.parametrize("syntax", ALL, ids=lambda syntax: syntax.keyword)
def test_every_syntax_gives_back_the_values_that_were_packed(
    tmp_path: Path, syntax: str, bits: int, signed: bool
) -> None:
    stored = film(bits, signed)
    allocated = 8 if bits == 8 else 16
    path = write_dicom(
        tmp_path / "a.dcm", stored, bits=bits, allocated=allocated, syntax=syntax, pack=pack_of(syntax, bits)
    )
    assert np.array_equal(values_of(path, signed, bits), stored)


@pytest.mark.parametrize("syntax", [*PACKED], ids=lambda syntax: syntax.keyword)
def test_the_plug_ins_of_pydicom_take_over_where_a_decoder_refuses(
    tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("unknown stream")

    monkeypatch.setattr(dicom_pixels, "_DECODERS", dict.fromkeys(dicom_pixels._DECODERS, refuse))
    monkeypatch.setattr(dicom_pixels, "_run_lengths", refuse)
    stored = film(12)
    path = write_dicom(tmp_path / "a.dcm", stored, syntax=syntax, pack=pack_of(syntax, 12))
    assert np.array_equal(values_of(path, signed=False, bits=12), stored)


def test_high_throughput_jpeg_2000_comes_through_a_plug_in(tmp_path: Path) -> None:
    stored = film(12, shape=(64, 48))
    path = write_dicom(
        tmp_path / "a.dcm", stored, syntax=HTJ2KLossless, pack=lambda w: bytes(imagecodecs.htj2k_encode(w))
    )
    assert np.array_equal(values_of(path, signed=False, bits=12), stored)


def test_jpeg_with_loss_comes_through_a_plug_in(tmp_path: Path) -> None:
    smooth = (np.add.outer(np.arange(64), np.arange(64)) * 30).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", smooth, syntax=JPEGExtended12Bit,
        pack=lambda words: bytes(imagecodecs.jpeg8_encode(words, level=98, bitspersample=12)),
    )  # fmt: skip
    assert np.abs(values_of(path, signed=False, bits=12) - smooth).max() <= 20


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("syntax", [*BARE, JPEGLosslessSV1, RLELossless], ids=lambda syntax: syntax.keyword)
def test_values_need_not_lie_in_the_lowest_bits(tmp_path: Path, syntax: str, signed: bool) -> None:
    stored = film(12, signed)
    path = write_dicom(tmp_path / "a.dcm", stored, high_bit=15, syntax=syntax, pack=pack_of(syntax, 16))
    assert np.array_equal(values_of(path, signed, 12), stored)


@pytest.mark.parametrize("carried", [False, True], ids=["bare", "sign carried on"])
def test_a_negative_number_may_fill_the_bits_beside_it(tmp_path: Path, carried: bool) -> None:
    stored = film(12, signed=True)
    words = stored if carried else stored & 4095
    path = write_dicom(tmp_path / "a.dcm", stored, PixelData=words.astype("<i2").tobytes())
    assert np.array_equal(values_of(path, signed=True, bits=12), stored)


def test_an_overlay_in_the_bits_beside_the_values_is_dropped(tmp_path: Path) -> None:
    stored = film(12)
    drawn = stored | np.where(np.arange(stored.size).reshape(stored.shape) % 5 == 0, 1 << 15, 0)
    path = write_dicom(tmp_path / "a.dcm", stored, PixelData=drawn.astype("<u2").tobytes())
    with pytest.raises(UserError, match="pixels of 12 bits"):
        read_dicom(path)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x60000102, "US", 15)
    dataset.save_as(path)
    assert np.array_equal(values_of(path, signed=False, bits=12), stored)


def test_bytes_in_big_endian_words_are_swapped_back(tmp_path: Path) -> None:
    stored = film(8)
    path = write_dicom(tmp_path / "a.dcm", stored, bits=8, allocated=8, syntax=ExplicitVRBigEndian)
    head, pixels = path.read_bytes()[: -stored.size - 1], np.append(stored.ravel(), 0).astype(np.uint8)
    assert head[-8:-6] == b"OB"
    path.write_bytes(head[:-8] + b"OW" + head[-6:] + pixels.reshape(-1, 2)[:, ::-1].tobytes())
    assert np.array_equal(values_of(path, signed=False, bits=8), stored)


def test_an_odd_number_of_bytes_may_lack_its_padding(tmp_path: Path) -> None:
    stored = film(8)
    path = write_dicom(tmp_path / "a.dcm", stored, bits=8, allocated=8)
    written = path.read_bytes()
    padded, bare = ((stored.size + more).to_bytes(4, "little") for more in (1, 0))
    head, tail = written[: -stored.size - 1], written[-stored.size - 1 :]
    assert head.endswith(padded)
    path.write_bytes(head[:-4] + bare + tail[:-1])
    assert np.array_equal(values_of(path, signed=False, bits=8), stored)


def test_a_stream_may_come_in_several_fragments(tmp_path: Path) -> None:
    stored = film(12)
    stream = pack_sv1(stored, 12)
    path = write_dicom(
        tmp_path / "a.dcm", stored, syntax=JPEGLosslessSV1, pack=pack_of(JPEGLosslessSV1, 12),
        PixelData=pydicom.encaps.encapsulate([stream], fragments_per_frame=4),
    )  # fmt: skip
    assert np.array_equal(values_of(path, signed=False, bits=12), stored)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("keep_meta", [True, False])
def test_files_without_preamble_are_read(tmp_path: Path, syntax: str, keep_meta: bool) -> None:
    stored = film(12)
    path = write_dicom(tmp_path / "a.dcm", stored, syntax=syntax)
    written = path.read_bytes()
    after_meta = 132 + 12 + int.from_bytes(written[140:144], "little")
    path.write_bytes(written[132:] if keep_meta else written[after_meta:])
    assert np.array_equal(values_of(path, signed=False, bits=12), stored)


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    stored = film(16)
    assert np.array_equal(read_dicom(write_dicom(tmp_path / "a.dcm", stored, bits=16)), stored)


def test_values_in_high_bits_are_never_given_to_pydicom_which_cuts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bytes) -> None:
        raise ValueError("unknown stream")

    monkeypatch.setitem(dicom_pixels._DECODERS, JPEGLosslessSV1, refuse)
    path = write_dicom(
        tmp_path / "a.dcm", film(12), high_bit=15, syntax=JPEGLosslessSV1, pack=pack_of(JPEGLosslessSV1, 16)
    )
    with pytest.raises(UserError, match="unknown stream"):
        read_dicom(path)
