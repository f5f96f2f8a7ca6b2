from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mammo_gan.imaging.dicom import read_dicom
from mammo_gan.imaging.fitting import KORKINOF2019
from tests.bench.preparation import BITS, SYNTAXES, WINDOW, mammogram, must_agree, prepared, windowed
from tests.imaging.dicom_files import write_dicom
from tests.imaging.test_dicom_pixels import pack_of


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("name", SYNTAXES)
def test_the_script_shows_the_same_pixels(tmp_path: Path, name: str, photometric: str) -> None:
    stored, syntax = mammogram(416, 320), SYNTAXES[name]
    pack = pack_of(syntax, BITS)
    path = write_dicom(
        tmp_path / "a.dcm", stored, bits=BITS, photometric=photometric, syntax=syntax, pack=pack, **WINDOW
    )
    must_agree(path)
    assert len(np.unique(windowed(path))) > 1000


def test_a_difference_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom(tmp_path / "a.dcm", mammogram(104, 80), bits=BITS, **WINDOW)
    grey = read_dicom(path)
    grey[50, 20] ^= 1
    monkeypatch.setattr("tests.bench.preparation.read_dicom", lambda _: grey)
    with pytest.raises(ValueError, match=r"a\.dcm: 1 pixels differ"):
        must_agree(path)


def test_prepared_is_the_breast_at_the_left_border(tmp_path: Path) -> None:
    stored = mammogram(416, 320)
    paths = [write_dicom(tmp_path / f"{k}.dcm", stored[:, :: 1 - 2 * k], bits=BITS, **WINDOW) for k in (0, 1)]
    (image, breast), (mirrored_image, _) = map(prepared, paths)
    assert image.shape == breast.shape == KORKINOF2019
    assert image.dtype == np.uint8
    assert (image.min(), image.max()) == (0, 255)
    assert breast[640, :500].all()
    assert not breast[:, 900:].any()
    assert np.abs(image.astype(int) - mirrored_image).mean() < 0.5
