"""Synthetic mammograms as DICOM, for viewers and archives of images: Digital Mammography X-Ray, for presentation.

The modules are those of PS3.3 A.27. A file is made from nothing but an `Annotated`: there is no way from a parent's
header into it. It says that it's synthetic four times over: in Synthetic Data, in the name and the ID of a patient who
doesn't exist, in Derivation Description and in Contributing Equipment.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path, PurePosixPath

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from mammo_gan.archives.records import Laterality, View
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.orientation import chest_wall_is_right
from mammo_gan.synthesis.annotation import Annotated
from mammo_gan.synthesis.layout import write_grey

DICOM = "dicom"
_MAKER = "mammo-gan"
_BREAST = ("76752008", "SCT", "Breast")
_SYNTHESIZING = ("109100", "DCM", "Synthesizing Equipment")  # CID 7005
_VIEWS: dict[View, tuple[str, str, str]] = {  # CID 4014
    "CC": ("399162004", "SCT", "cranio-caudal"),
    "MLO": ("399368009", "SCT", "medio-lateral oblique"),
}
_MEDIAL: dict[Laterality, str] = {"L": "R", "R": "L"}  # from the left breast, the middle lies to the patient's right


class DicomWriter:
    """Writes dicom/{name}.dcm for each image, and dicom/{name}_lesion{k}.png for the mask of its k-th lesion, from 1.

    Masks are 8-bit grey PNG files of the image's size, 0 outside and 255 inside. The same image, said to be the same,
    gives the same bytes.
    """

    def begin(self, folder: Path) -> None:
        self._folder = folder / DICOM
        self._folder.mkdir(parents=True, exist_ok=True)

    def add(self, image: str, annotated: Annotated) -> None:
        """Raises FileExistsError where an image of that name was written already."""
        name = PurePosixPath(image).stem
        mammogram(annotated).save_as(self._folder / f"{name}.dcm", enforce_file_format=True, overwrite=False)
        for number, lesion in enumerate(annotated.lesions, start=1):
            if lesion.mask is not None:
                write_grey(self._folder / f"{name}_lesion{number}.png", lesion.mask)

    def finish(self) -> None:
        """Each file stands for itself."""


def mammogram(annotated: Annotated) -> Dataset:
    """The data set of a whole file, its pixels as they are: MONOCHROME2, uncompressed, 8 or 16 bits, all of them used.

    View, side and the size of pixels are left out where they aren't known, although the standard requires them of a
    mammogram: a viewer says that it doesn't know, where a value made up would be believed.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _identify(dataset, annotated)
    _say_how_made(dataset, annotated)
    _show(dataset, annotated)
    _position(dataset, annotated)
    return dataset


def _identify(dataset: Dataset, annotated: Annotated) -> None:
    """Patient, study, series and instance: each image is all that there is of its patient.

    UIDs are UUIDs as numbers (PS3.5, B.2), made by name from all that the file holds. So no two images share one, an
    image that is written again is known again, and no parent's UID or key is needed to make them.
    """
    said = (annotated.generator, annotated.parent, annotated.seed, annotated.view, annotated.laterality)
    held = repr((*said, annotated.mm_per_px, annotated.image.shape, annotated.image.dtype.name)).encode()
    digest = hashlib.sha256(held + annotated.image.tobytes()).hexdigest()
    study, series, instance = (
        f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{_MAKER}:{part}:{digest}').int}"
        for part in ("study", "series", "instance")
    )
    dataset.PatientName, dataset.PatientID = f"Synthetic^{digest[:16]}", f"SYNTHETIC-{digest[:16]}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = study, series, instance
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    # Elements that must be there and may be empty (type 2): nobody was born, referred or seen.
    for name in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        setattr(dataset, name, "")
    dataset.ReferringPhysicianName, dataset.AccessionNumber = "", ""


def _say_how_made(dataset: Dataset, annotated: Annotated) -> None:
    parent = f"the image of key {annotated.parent}" if annotated.parent else "none"
    dataset.SyntheticData = "YES"
    dataset.ImageType = ["DERIVED", "SECONDARY", ""]  # of a mammogram, the third is there and empty (C.8.11.3.1.1)
    dataset.Modality, dataset.PresentationIntentType = "MG", "FOR PRESENTATION"
    dataset.Manufacturer = _MAKER
    dataset.DerivationDescription = (
        "Synthetic: all or part of this image was drawn by a generative network. It shows no patient and is not for "
        f"diagnosis. Generator: sha256 {annotated.generator}. Seed: {annotated.seed}. Parent: {parent}."
    )
    maker = Dataset()
    maker.PurposeOfReferenceCodeSequence = [_code(*_SYNTHESIZING)]
    maker.Manufacturer = _MAKER
    dataset.ContributingEquipmentSequence = [maker]
    dataset.AcquisitionContextSequence = []
    dataset.DetectorType = ""  # type 2
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"


def _show(dataset: Dataset, annotated: Annotated) -> None:
    """Pixels, how they are to be looked at, and their size."""
    bits = 8 * annotated.image.dtype.itemsize
    dataset.set_pixel_data(annotated.image, "MONOCHROME2", bits, generate_instance_uid=False)
    dataset.PixelIntensityRelationship = "LOG"  # as attenuation is, and as images for presentation are said to be
    dataset.PixelIntensityRelationshipSign = -1  # bright is dense: less of the beam came through
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "IDENTITY"
    # The one LINEAR window that shows 0 as black and the greatest value as white (C.11.2.1.2.1).
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 2 ** (bits - 1), 2**bits, "LINEAR"
    if annotated.mm_per_px is not None:
        # At the detector, not in the breast. Two equal ones say that no magnification was corrected (10.7.1.1), and
        # viewers measure with either.
        spacing = format_number_as_ds(annotated.mm_per_px)
        dataset.ImagerPixelSpacing = dataset.PixelSpacing = [spacing, spacing]


def _position(dataset: Dataset, annotated: Annotated) -> None:
    """Which breast, from where, and which way up."""
    view, side = annotated.view, annotated.laterality
    dataset.AnatomicRegionSequence = [_code(*_BREAST)]
    dataset.BodyPartExamined, dataset.OrganExposed = "BREAST", "BREAST"
    dataset.PositionerType = "NONE"
    if side is not None:
        dataset.ImageLaterality = side
    if view is not None:
        dataset.ViewPosition = view
        dataset.ViewCodeSequence = [_code(*_VIEWS[view])]
        dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []  # type 2: plain views
    dataset.PatientOrientation = ""
    if view is not None and side is not None:
        # Rows run to the nipple or away from it, wherever the chest wall is: a film may be mirrored. Columns run to the
        # middle of the body, on MLO views to the feet as well; that the upper side is up can't be seen, and is how
        # films are hung.
        along_rows = "P" if chest_wall_is_right(breast_mask(annotated.image)) else "A"
        dataset.PatientOrientation = [along_rows, _MEDIAL[side] if view == "CC" else f"F{_MEDIAL[side]}"]


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
