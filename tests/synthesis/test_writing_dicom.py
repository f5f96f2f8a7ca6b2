"""What pydicom, highdicom, DCMTK, dciodvfy and our own reader make of the DICOM files that we write."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom._dicom_dict import DicomDictionary
from pydicom.sr.codedict import codes
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation

from mammo_gan.archives.identity import keyed_hash
from mammo_gan.imaging.dicom import read_dicom
from mammo_gan.imaging.dicom_header import read_header
from mammo_gan.synthesis.annotation import Annotated, annotating
from mammo_gan.synthesis.coco import CocoWriter
from mammo_gan.synthesis.writing_dicom import DICOM, DicomWriter
from tests.imaging.dicom_files import write_dicom
from tests.synthesis.annotated import annotated

NAME = "images/000000.png"
DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def written(folder: Path, mammogram: Annotated) -> Path:
    writer = DicomWriter()
    writer.begin(folder)
    writer.add(NAME, mammogram)
    writer.finish()
    return folder / DICOM / "000000.dcm"


@DTYPES
def test_pixels_come_back_bit_for_bit(tmp_path: Path, dtype: type) -> None:
    mammogram = annotated(dtype)
    dataset = pydicom.dcmread(written(tmp_path, mammogram))
    assert dataset.pixel_array.dtype == dtype
    assert np.array_equal(dataset.pixel_array, mammogram.image)
    bits = 8 * np.dtype(dtype).itemsize
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (bits, bits, bits - 1)
    assert (dataset.PhotometricInterpretation, dataset.PixelRepresentation) == ("MONOCHROME2", 0)


@DTYPES
def test_our_own_reader_sees_the_same_image(tmp_path: Path, dtype: type) -> None:
    mammogram = annotated(dtype, mm_per_px=0.1 + 0.2)
    path = written(tmp_path, mammogram)
    scale = 65535 // np.iinfo(dtype).max
    assert np.array_equal(read_dicom(path), mammogram.image.astype(np.uint16) * scale)
    header = read_header(path)
    assert (header.view, header.laterality, header.for_presentation) == ("MLO", "L", True)
    assert header.mm_per_px == pytest.approx(0.3, rel=1e-12)  # 16 characters at most
    without_position = pydicom.dcmread(path)
    del without_position.ViewPosition
    without_position.save_as(path)
    assert read_header(path).view == "MLO"  # by its code


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(written(tmp_path, annotated()))
    assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID
    assert dataset.SOPClassUID == DigitalMammographyXRayImageStorageForPresentation
    assert dataset[0x0008, 0x001C].value == "YES"  # Synthetic Data
    assert list(dataset.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert (dataset.Modality, dataset.PresentationIntentType) == ("MG", "FOR PRESENTATION")
    assert (dataset.BurnedInAnnotation, dataset.LossyImageCompression) == ("NO", "00")
    assert str(dataset.PatientName).startswith("Synthetic^")
    assert dataset.PatientID.startswith("SYNTHETIC-")
    for said in ("Synthetic", "f" * 64, "Seed: 7", "0123456789abcdef"):
        assert said in dataset.DerivationDescription
    assert list(dataset.ImagerPixelSpacing) == list(dataset.PixelSpacing) == [0.07, 0.07]
    view, breast = dataset.ViewCodeSequence[0], dataset.AnatomicRegionSequence[0]
    maker = dataset.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0]
    known = (codes.CID4014.MedioLateralObliqueProjection, codes.SCT.Breast, codes.DCM.SynthesizingEquipment)
    for item, code in zip((view, breast, maker), known, strict=True):
        assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == code[:3]
    cc = pydicom.dcmread(written(tmp_path / "cc", annotated(view="CC"))).ViewCodeSequence[0]
    assert (cc.CodeValue, cc.CodeMeaning) == (codes.CID4014.CranioCaudal.value, codes.CID4014.CranioCaudal.meaning)


@pytest.mark.parametrize(
    ("view", "laterality", "mirror", "orientation"),
    [  # the first four as films are hung, the others mirrored
        ("CC", "L", False, ["A", "R"]),
        ("CC", "R", True, ["P", "L"]),
        ("MLO", "L", False, ["A", "FR"]),
        ("MLO", "R", True, ["P", "FL"]),
        ("CC", "L", True, ["P", "R"]),
        ("MLO", "R", False, ["A", "FL"]),
    ],
)
def test_patient_orientation(tmp_path: Path, view: Any, laterality: Any, mirror: bool, orientation: list[str]) -> None:
    mammogram = annotated(view=view, laterality=laterality, lesions=())
    mammogram = replace(mammogram, image=mammogram.image[:, ::-1] if mirror else mammogram.image)
    dataset = pydicom.dcmread(written(tmp_path, mammogram))
    assert list(dataset.PatientOrientation) == orientation
    assert (dataset.ViewPosition, dataset.ImageLaterality) == (view, laterality)


def test_what_is_unknown_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, annotated(view=None, laterality=None, mm_per_px=None, parent=""))
    header, dataset = read_header(path), pydicom.dcmread(path)
    assert (header.view, header.laterality, header.mm_per_px) == (None, None, None)
    assert not {"ViewCodeSequence", "ImageLaterality", "ImagerPixelSpacing", "PixelSpacing"} & set(dataset.dir())
    assert not dataset.PatientOrientation
    assert "Parent: none" in dataset.DerivationDescription


def test_the_same_image_has_the_same_uids_and_every_other_one_has_others(tmp_path: Path) -> None:
    first = annotated()
    other_pixel = first.image.copy()
    other_pixel[0, 0] += 1
    others = [
        replace(first, **change)
        for change in (
            *({"seed": 8}, {"generator": "e" * 64}, {"parent": ""}, {"view": "CC"}, {"laterality": "R"}),
            *({"mm_per_px": 0.1}, {"image": other_pixel}, {"image": first.image[:-1], "lesions": ()}),
        )
    ]
    paths = [written(tmp_path / str(number), one) for number, one in enumerate([first, *others])]
    found = set()
    for path in paths:
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        uids: list[UID] = [dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID]
        assert all(uid.is_valid for uid in uids)
        found |= {*map(str, uids), str(dataset.PatientID)}
    assert len(found) == 4 * len(paths)
    again = written(tmp_path / "again", annotated())
    assert again.read_bytes() == paths[0].read_bytes()


def test_masks_lie_beside_exactly(tmp_path: Path) -> None:
    (lesion,) = annotated().lesions
    mammogram = annotated(lesions=(replace(lesion, mask=None), lesion))
    path = written(tmp_path, mammogram)
    (beside,) = path.parent.glob("*.png")
    assert beside.name == "000000_lesion2.png"
    with Image.open(beside) as picture:
        assert lesion.mask is not None
        assert np.array_equal(np.asarray(picture), np.where(lesion.mask, 255, 0))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = written(tmp_path, annotated())
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        written(tmp_path, annotated(seed=8))
    assert path.read_bytes() == before


# Texts of every kind that DICOM has, valid in each; what the pixels' decoding and the view hang on stays as it is.
PLANTED = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"), "ZQJANEDOEQZ"),
    "UI": "1.2.840.99999.77777.5",
    "DA": "19440606",
    "DT": "19440606101010",
    "AS": "081Y",
}
NEEDED = {
    *("PhotometricInterpretation", "VOILUTFunction", "PresentationLUTShape", "Modality", "SOPClassUID"),
    *("ViewPosition", "ImageLaterality", "SpecificCharacterSet"),
}


def test_nothing_of_a_parent_but_its_pixels_is_written(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        keyword: PLANTED[vr]
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
        if vr in PLANTED and keyword and tag >> 16 > 0x0006 and keyword not in NEEDED
    }
    assert len(fields) > 1500
    fields |= {"ViewPosition": "CC", "ImageLaterality": "R", "ImagerPixelSpacing": [0.07, 0.07]}
    parent = write_dicom(tmp_path / "ZQJANEDOEQZ.dcm", **fields)
    header = read_header(parent)
    planted = {text.encode() for text in PLANTED.values()}
    assert header.patient == "ZQJANEDOEQZ"
    assert all(text in parent.read_bytes() for text in planted)

    (lesion,) = annotated().lesions
    image = read_dicom(parent)
    mask = np.zeros(image.shape, bool)
    mask[17:20, 4:7] = True
    mammogram = annotated(
        image=image,
        lesions=(replace(lesion, mask=mask),),
        view=header.view,
        laterality=header.laterality,
        mm_per_px=header.mm_per_px,
        parent=keyed_hash(b"k" * 32, f"image:disk:{parent.name}"),
    )
    assert (mammogram.view, mammogram.laterality) == ("CC", "R")
    folder = tmp_path / "set"
    folder.mkdir()
    assert len(list(annotating([(NAME, mammogram)], folder, [CocoWriter(["mass"]), DicomWriter()]))) == 1
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".dcm", ".json", ".png"}
    for path in files:
        content = path.read_bytes()
        assert not [text for text in planted if text in content or text.lower() in content.lower()], path
        assert "JANEDOE" not in path.name


@DTYPES
def test_highdicom_reads_it(tmp_path: Path, dtype: type) -> None:
    highdicom = pytest.importorskip("highdicom", reason="highdicom isn't installed: pip install -e .[dev]")
    mammogram = annotated(dtype)
    image = highdicom.imread(written(tmp_path, mammogram))
    assert np.array_equal(image.pixel_array, mammogram.image)
    shown = image.get_frame(1, apply_voi_transform=True, voi_output_range=(0.0, 1.0))
    assert np.allclose(shown, mammogram.image / np.iinfo(dtype).max, atol=1e-6)


def run(program: str, *arguments: str | Path) -> str:
    """Both outputs of a program, which must end well."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} isn't on the PATH")
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ, timeout=60)
    return done.stdout + done.stderr


@DTYPES
def test_dcmtk_shows_the_same_grey_levels(tmp_path: Path, dtype: type) -> None:
    mammogram = annotated(dtype)
    path, shown = written(tmp_path, mammogram), tmp_path / "shown.pgm"
    run("dcm2pnm", "+Wi", "1", "+opn", str(8 * np.dtype(dtype).itemsize), path, shown)
    kind, width, height, white, *levels = shown.read_text(encoding="ascii").split()
    assert (kind, int(white)) == ("P2", np.iinfo(dtype).max)
    assert np.array_equal(np.reshape(levels, (int(height), int(width))).astype(int), mammogram.image)


def test_dcmtk_parses_every_element(tmp_path: Path) -> None:
    text = run("dcmdump", written(tmp_path, annotated()))
    for line in ("(0008,001c) CS [YES]", "(0020,0020) CS [A\\FR]", "(0020,0062) CS [L]", "[SYNTHETIC-"):
        assert line in text
    assert "error" not in text.lower()


@DTYPES
def test_dciodvfy_finds_no_element_missing_or_wrong(tmp_path: Path, dtype: type) -> None:
    """But for Synthetic Data itself, which copies older than the element don't know."""
    said = run("dciodvfy", written(tmp_path, annotated(dtype))).splitlines()
    assert "MammographyImageForPresentation" in said
    assert not [line for line in said if line.startswith("Error") and "(0x0008,0x001c)" not in line]
