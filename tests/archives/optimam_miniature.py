"""OPTIMAM in miniature: clients with NBSS and image data as OMI-DB's JSON has them, and DICOM of a few kilobytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.optimam import OPTIMAM
from mammo_gan.archives.records import Mammogram
from tests.archives.miniature import breast

HEIGHT, WIDTH = 96, 64
OF_SELENIA: Mapping[str, Any] = {
    "PresentationIntentType": "FOR PRESENTATION",
    "Manufacturer": "HOLOGIC, Inc.",
    "ManufacturerModelName": "Lorad Selenia",
    "XRayTubeCurrent": 100,
    "EstimatedRadiographicMagnificationFactor": 1.0,
    "ImagerPixelSpacing": [0.07, 0.07],
    "BreastImplantPresent": "NO",
    "PatientAge": "057Y",
}


def mark(x1: int, y1: int, x2: int, y2: int, **fields: Any) -> dict[str, Any]:
    """A mark as imagedb has it; numbers are text there."""
    corners = {"X1": str(x1), "Y1": str(y1), "X2": str(x2), "Y2": str(y2)}
    return {"MarkID": 10241, "Conspicuity": "Subtle", "LinkedNBSSLesionNumber": "1", **corners, **fields}


def episode(
    opinions: Mapping[str, str] | None = None,
    lesions: Mapping[str, Mapping[str, Any]] | None = None,
    event: str = "BIOPSYWIDE",
    kind: str = "R",
) -> dict[str, Any]:
    """An episode of NBSS.

    Args:
        opinions: side to opinion (OM, OB, ...) of the biopsy; None for one that ended with screening.
        lesions: side to number to the biopsy's fields of that lesion.
    """
    screened = {side: {"DateTaken": "2012-03-01", "Opinion": "RN"} for side in "LR"}
    content: dict[str, Any] = {"EpisodeType": kind, "EpisodeIsClosed": "Y", "SCREENING": screened}
    if opinions is not None:
        names = {"L": "left_opinion", "R": "right_opinion"}
        found = {side: dict(of_side) for side, of_side in (lesions or {}).items()}
        content[event] = {**{names[side]: opinion for side, opinion in opinions.items()}, **found}
    if lesions is not None:
        content["LESION"] = {
            side: {number: {"LesionDescription": "MA", "LesionPosition": "LA1"} for number in of_side}
            for side, of_side in lesions.items()
        }
    return content


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of a client; `marks` None and {} are both how imagedb says that there is none."""

    name: str
    study: str = "1.2.1"
    episode: str | None = "500"
    side: str = "L"
    view: str = "CC"
    marks: Sequence[Mapping[str, Any]] = ()
    header: Mapping[str, Any] = field(default_factory=dict)
    pixels: NDArray[np.uint16] | None = None
    on_disk: bool = True
    json_ending: str | None = ".json"  # None: the header's JSON was not delivered


def write_client(
    root: Path,
    name: str,
    nbss: Mapping[str, Any],
    images: Sequence[Image],
    folders: tuple[str, str] = ("data", "images"),
    upper: bool = False,
) -> list[str]:
    """A client's JSON and DICOM. Returns the paths of its images on disk."""
    data = root / folders[0] / name
    studies: dict[str, Any] = {}
    paths = []
    for number, image in enumerate(images):
        study = studies.setdefault(image.study, {"StudyDate": "2012-03-01", "EpisodeID": image.episode})
        of_image = {str(k): dict(each) for k, each in enumerate(image.marks)}
        study.setdefault(f"1.3.{number}", {})[image.name] = of_image or None
        file = root / folders[1] / name / image.study / f"{image.name}.dcm"
        dataset = dicom(file, image, zlib.crc32(name.encode()) % 1000 + number)
        (data / image.study).mkdir(parents=True, exist_ok=True)
        if image.json_ending is not None:
            header = {tag: element for tag, element in dataset.to_json_dict().items() if tag != "7FE00010"}
            (data / image.study / f"{image.name}{image.json_ending}").write_text(json.dumps(header))
        if image.on_disk:
            file.parent.mkdir(parents=True, exist_ok=True)
            dataset.save_as(file, enforce_file_format=True)
            paths.append(file.relative_to(root).as_posix())
    content = {"ClientID": name, "Site": "adde", "STUDIES": studies}
    for kind, what in (("nbss", {"ClientID": name, **nbss}), ("imagedb", content)):
        data.mkdir(parents=True, exist_ok=True)
        (data / f"{kind.upper() if upper else kind}_{name}.json").write_text(json.dumps(what))
    return paths


def dicom(path: Path, image: Image, seed: int) -> FileDataset:
    """A mammogram of 12 bits with the header of a Lorad Selenia, but for what `image.header` says otherwise."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.{seed + 1}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    stored = breast(HEIGHT, WIDTH, seed) >> 4 if image.pixels is None else image.pixels
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = stored.tobytes()
    for name, value in {
        **OF_SELENIA,
        "ImageLaterality": image.side,
        "ViewPosition": image.view,
        **image.header,
    }.items():
        if value is not None:
            setattr(dataset, name, value)
    return dataset


def make_optimam(root: Path) -> list[str]:
    """Four clients: a cancer in the left breast, a benign lesion, a healthy one with an implant, an interval cancer.

    Names in upper and lower case, headers as .json, .dcm.json or not at all, and an image that isn't on disk.
    """
    mass = mark(16, 12, 25, 21, Mass=1, MassClassification="spiculated")
    cancer = {"500": episode({"L": "OM"}, {"L": {"1": {"Opinion": "B5"}}})}
    paths = write_client(
        root,
        "demd1",
        cancer,
        [
            Image(name="1.2.3.1", marks=[mass]),
            Image(name="1.2.3.2", view="MLO"),
            Image(name="1.2.3.3", side="R"),
            Image(name="1.2.3.4", side="R", view="MLO", on_disk=False),
        ],
    )
    benign = {"500": episode({"R": "OB"}, {"R": {"1": {"Opinion": "B2"}}})}
    cluster = mark(20, 30, 30, 50, SuspiciousCalcifications="SuspiciousCalcifications")
    paths += write_client(
        root, "demd2", benign, [Image(name="1.2.3.1", side="R", marks=[cluster], json_ending=".dcm.json")], upper=True
    )
    implant = {"BreastImplantPresent": "YES", "ManufacturerModelName": "Selenia Dimensions"}
    paths += write_client(root, "optm3", {"500": episode()}, [Image(name="1.2.3.1", header=implant, json_ending=None)])
    paths += write_client(root, "optm4", {"500": episode(kind="CI")}, [Image(name="1.2.3.1"), Image(name="1.2.3.2")])
    return paths


def scanned(root: Path, reader: OPTIMAM | None = None) -> tuple[dict[str, Mammogram], list[Fault]]:
    """Records by image, and faults."""
    found = list((reader or OPTIMAM()).scan(root))
    records = {record.image: record for record in found if isinstance(record, Mammogram)}
    return records, [fault for fault in found if isinstance(fault, Fault)]
