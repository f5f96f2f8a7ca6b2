"""How an image was taken, out of its DICOM header."""

from __future__ import annotations

from mammo_gan.archives.records import Acquisition
from mammo_gan.imaging.dicom_header import DicomHeader


def acquisition_of(header: DicomHeader) -> Acquisition:
    """The part of a header that becomes part of the record."""
    return Acquisition(
        manufacturer=header.manufacturer,
        model=header.model,
        tube_current=header.tube_current,
        magnification=header.magnification,
        for_presentation=header.for_presentation,
    )
