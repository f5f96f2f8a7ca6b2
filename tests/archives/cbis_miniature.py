"""CBIS-DDSM in miniature: folders, tables and quirks of the archive on films of a few kilobytes.

| film | what it has |
|---|---|
| P_00001 LEFT CC | a malignant mass; the mask is the second file of its folder |
| P_00001 LEFT MLO | a malignant mass and a benign distortion, whose mask is the first file |
| P_00002 RIGHT CC | in Calc-Training with a calcification and in Mass-Test with a mass, each with a copy of the film |
| P_00003 LEFT MLO | density 0; an odd number of pixel bytes; a mask of another size; folders as older downloads have |
| P_00004 RIGHT MLO | in the tables alone |
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.archives.miniature import breast

CC_1 = "Mass-Training_P_00001_LEFT_CC"
MLO_1 = "Mass-Training_P_00001_LEFT_MLO"
CALC_2, MASS_2 = "Calc-Training_P_00002_RIGHT_CC", "Mass-Test_P_00002_RIGHT_CC"
MLO_3 = "Calc-Test_P_00003_LEFT_MLO"
FILM, FILM_3, MASK_3 = (96, 64), (101, 77), (87, 67)
BOXES = {  # x0, y0, x1, y1 in px of the mask, half-open
    f"{CC_1}_1": (16, 12, 26, 22),
    f"{MLO_1}_1": (4, 40, 14, 50),
    f"{MLO_1}_2": (30, 60, 36, 66),
    f"{CALC_2}_1": (20, 30, 24, 34),
    f"{MASS_2}_1": (8, 70, 20, 80),
    f"{MLO_3}_1": (10, 20, 31, 45),
}
ROWS = (
    # folder of the film, abnormality, shape or type, margins or distribution, density, assessment, pathology
    (CC_1, 1, "IRREGULAR", "SPICULATED", 3, 4, "MALIGNANT"),
    (MLO_1, 1, "IRREGULAR-ARCHITECTURAL_DISTORTION", "SPICULATED", 3, 4, "MALIGNANT"),
    (MLO_1, 2, "ARCHITECTURAL_DISTORTION", "N/A", 3, 2, "BENIGN"),
    (CALC_2, 1, "PLEOMORPHIC", "CLUSTERED", 2, 5, "MALIGNANT"),
    (MASS_2, 1, "OVAL", "CIRCUMSCRIBED", 2, 3, "BENIGN"),
    (MLO_3, 1, "LUCENT_CENTER", "N/A", 0, 2, "BENIGN_WITHOUT_CALLBACK"),
    ("Mass-Training_P_00004_RIGHT_MLO", 1, "ROUND", "OBSCURED", 4, 4, "BENIGN"),
)
_EXCHANGED = frozenset({f"{MLO_1}_2", f"{MLO_3}_1"})  # the mask comes first


def make_cbis(root: Path) -> list[str]:
    """Writes the archive; returns the paths of its records' images, sorted by patient, side and view."""
    write_tables(root)
    for folder in (CC_1, MLO_1, CALC_2, MASS_2, MLO_3):
        write_dicom(root / film_path(folder), film(folder))
    for folder, box in BOXES.items():
        size = MASK_3 if folder.startswith(MLO_3) else FILM
        first, second = lesion_paths(folder)
        write_dicom(root / (second if folder in _EXCHANGED else first), crop(*size, box))
        write_dicom(root / (first if folder in _EXCHANGED else second), drawn(*size, box))
    return [film_path(folder) for folder in (CC_1, MLO_1, CALC_2, MLO_3)]


def film(folder: str) -> NDArray[np.uint16]:
    """A film's pixels, (H, W) uint16, the same for its copies in two collections."""
    return breast(*(FILM_3 if folder == MLO_3 else FILM), seed=sum(folder.partition("_")[2].encode()))


def film_path(folder: str) -> str:
    """Where a film lies: newer downloads name folders by date and series, older ones by UIDs."""
    if folder == MLO_3:
        return f"CBIS-DDSM/{folder}/1.3.6.1.4.1.9590.100.1.2.1/1.3.6.1.4.1.9590.100.1.2.2/000000.dcm"
    return f"CBIS-DDSM/{folder}/07-20-2016-DDSM-NA-74994/1.000000-full mammogram images-24515/1-1.dcm"


def lesion_paths(folder: str) -> tuple[str, str]:
    """Where a lesion's mask and crop lie, in one series or in a series each."""
    if folder.startswith(MLO_3):
        series = f"CBIS-DDSM/{folder}/1.3.6.1.4.1.9590.100.1.2.3/1.3.6.1.4.1.9590.100.1.2.4"
        return f"{series}/000000.dcm", f"{series}/000001.dcm"
    if folder.startswith(CC_1):
        above = f"CBIS-DDSM/{folder}/09-06-2017-DDSM-NA-09061"
        return f"{above}/1.000000-cropped images-13534/1-1.dcm", f"{above}/1.000000-ROI mask images-18515/1-1.dcm"
    series = f"CBIS-DDSM/{folder}/07-21-2016-DDSM-NA-95562/1.000000-ROI mask images-18515"
    return f"{series}/1-1.dcm", f"{series}/1-2.dcm"


def drawn(height: int, width: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """(height, width) uint8 as the archive's masks are: 255 in the box, 0 elsewhere."""
    x0, y0, x1, y1 = box
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[y0:y1, x0:x1] = 255
    return mask


def crop(height: int, width: int, box: tuple[int, int, int, int]) -> NDArray[np.uint16]:
    """What the film shows about the box, uint16."""
    x0, y0, x1, y1 = box
    return breast(height, width, seed=5)[max(0, y0 - 5) : y1 + 5, max(0, x0 - 5) : x1 + 5]


def write_dicom(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16], **fields: Any) -> None:
    """A secondary capture; an odd number of pixel bytes stays odd, as in some of the archive's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = "MG", 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit, dataset.PixelRepresentation = 8 * pixels.itemsize - 1, 0
    for name, value in fields.items():
        setattr(dataset, name, value)
    content = pixels.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    dataset.save_as(path, enforce_file_format=True)
    if len(content) % 2:
        # The element is the last: its length stands in the four bytes before its value.
        head = path.read_bytes()[: -len(content) - 1 - 4]
        path.write_bytes(head + len(content).to_bytes(4, "little") + content)


def write_tables(root: Path, rows: tuple[tuple[Any, ...], ...] = ROWS) -> None:
    """The four tables as published: old UIDs in the paths, one of which ends with a line break in each row."""
    root.mkdir(parents=True, exist_ok=True)
    for kind, part in (("calc", "train"), ("calc", "test"), ("mass", "train"), ("mass", "test")):
        collection = f"{kind.title()}-{'Training' if part == 'train' else 'Test'}"
        names = ("calc type", "calc distribution") if kind == "calc" else ("mass shape", "mass margins")
        density = "breast density" if kind == "calc" else "breast_density"
        header = ["patient_id", density, "left or right breast", "image view", "abnormality id", "abnormality type"]
        header += [*names, "assessment", "pathology", "subtlety", "image file path", "cropped image file path"]
        with (root / f"{kind}_case_description_{part}_set.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([*header, "ROI mask file path"])
            for film, number, first, second, dense, assessment, pathology in rows:
                if not film.startswith(collection):
                    continue
                _, letter, digits, side, view = film.split("_")
                uids = "1.3.6.1.4.1.9590.100.1.2.91/1.3.6.1.4.1.9590.100.1.2.92"
                paths = [f"{film}/{uids}/000000.dcm", f"{film}_{number}/{uids}/000000.dcm"]
                paths.append(f"{film}_{number}/{uids}/000001.dcm")
                paths[1 if kind == "calc" else 2] += "\n"
                abnormality = "calcification" if kind == "calc" else "mass"
                who = [f"{letter}_{digits}", dense, side, view, number, abnormality]
                table.writerow([*who, first, second, assessment, pathology, 4, *paths])
