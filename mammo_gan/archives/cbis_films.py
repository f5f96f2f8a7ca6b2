"""One film of CBIS-DDSM: its files below the root, and its record out of the tables' rows and the files' headers."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mammo_gan.archives.cbis_masks import named_otherwise, of_one_shape
from mammo_gan.archives.cbis_tables import Finding
from mammo_gan.archives.integrity import Fault, told
from mammo_gan.archives.paths import inside, listing
from mammo_gan.archives.records import Lesion, Mammogram
from mammo_gan.archives.remarks import RESAMPLED, SWAPPED
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import DICOM_SUFFIXES
from mammo_gan.imaging.dicom import dicom_size

_FOLDER = re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d+_(?:LEFT|RIGHT)_(?:CC|MLO))(?:_\d+)?", re.ASCII)
FIRST_CALCIFICATION = 100
"""Masses and calcifications are both counted from 1; in records the calcifications go on from here."""
_AGAIN = "download this folder again"

Folders = Mapping[str, tuple[str, ...]]
"""The DICOM files below each folder of a film or lesion, relative to the root, by the folder's name."""


def by_folder(files: Iterable[str]) -> Folders:
    """The archive's DICOM files, sorted. What lies between folder and file differs from download to download."""
    folders: dict[str, list[str]] = {}
    for file in files:
        *above, name = PurePosixPath(file).parts
        folder = next((part for part in above if _FOLDER.fullmatch(part)), None)
        if folder is not None and PurePosixPath(name).suffix.lower() in DICOM_SUFFIXES:
            folders.setdefault(folder, []).append(file)
    return {folder: tuple(sorted(folders[folder])) for folder in sorted(folders)}


def film_of(folder: str) -> str:
    """The film of a folder of its own or of one of its lesions, `P_00001_LEFT_CC`."""
    match = _FOLDER.fullmatch(folder)
    return folder if match is None else match[1]


def lesion_files(root: Path, image: str, names: Collection[str]) -> tuple[str, ...]:
    """The DICOM files of a lesion's folder of one of these names, beside the film's or else anywhere below the root.

    Films and masks are downloaded one by one, so that they can lie in two places.
    """
    parts = PurePosixPath(image).parts
    depth = next((number for number, part in enumerate(parts) if _FOLDER.fullmatch(part)), 0)
    beside = [root.joinpath(*parts[:depth], name) for name in names]
    for folders in (beside, _named(root, names)):
        files = [(folder / file).relative_to(root).as_posix() for folder in folders for file in listing(folder).files]
        found = [file for files_of_one in by_folder(files).values() for file in files_of_one]
        if found:
            return tuple(found)
    return ()


def _named(root: Path, names: Collection[str]) -> Iterable[Path]:
    for folder, below, _ in os.walk(root):
        yield from (Path(folder) / name for name in below if name in names)
        below[:] = sorted(name for name in below if not _FOLDER.fullmatch(name))


def film_record(
    archive: str, root: Path, folders: Folders, drawn: Collection[str], findings: Sequence[Finding]
) -> Mammogram | Fault | None:
    """The record of one film from all rows on it, None where nothing of it has been downloaded.

    Where it lies in a folder of masses and in one of calcifications, the first of the two is the image.

    Args:
        drawn: the collections whose masks have been downloaded. A lesion of another one has no position.
        findings: in the tables' order, masses and calcifications.
    """
    # Assumption: the same patient, side and view among the masses and the calcifications are the same film.
    copies = [folders[name] for name in sorted({finding.film_folder for finding in findings}) if name in folders]
    if not copies:
        masks = next((folders[finding.lesion_folder] for finding in findings if finding.lesion_folder in folders), None)
        return None if masks is None else Fault(masks[0], "film missing", "its film beside it", "a mask alone", _AGAIN)
    image = copies[0][0]
    try:
        sizes = [_size(root, files) for files in copies]
    except UserError as error:
        return Fault(image, "unusable film", "one DICOM file in the film's folder", told(error, root), _AGAIN)
    if not of_one_shape(sizes[0], sizes[-1]):
        found = f"{sizes[0]} and {sizes[-1]} px"
        return Fault(image, "two films of one name", "one film in both folders", found, "keep one of the folders")
    height, width = sizes[0]
    lesions: list[Lesion] = []
    for finding in findings:
        try:
            lesions.append(_lesion(root, folders.get(finding.lesion_folder, ()), drawn, finding, sizes[0]))
        except UserError as error:
            return Fault(image, "unusable mask", f"a mask in {finding.lesion_folder}", told(error, root), _AGAIN)
    densities = {finding.density for finding in findings}
    return Mammogram(
        archive=archive,
        source="disk",
        image=image,
        patient=findings[0].patient,
        height=height,
        width=width,
        bits=16,
        view=findings[0].view,
        laterality="L" if findings[0].side == "LEFT" else "R",
        density=densities.pop() if len(densities) == 1 else None,
        lesions=tuple(lesions),
    )


def _size(root: Path, files: tuple[str, ...]) -> tuple[int, int]:
    if len(files) != 1:
        raise UserError(f"expected one file, found {', '.join(files)}; keep one of them")
    return dicom_size(inside(root, files[0]))


def _lesion(
    root: Path, files: tuple[str, ...], drawn: Collection[str], finding: Finding, size: tuple[int, int]
) -> Lesion:
    if not files and finding.collection in drawn:
        raise UserError("no DICOM file")
    # Which file is the mask only its pixels tell; that no file has the film's size can be seen without them.
    sizes = [dicom_size(inside(root, file)) for file in files]
    notes = [SWAPPED] if named_otherwise(files, sizes, size, finding.mask_last) else []
    notes += [RESAMPLED] if files and size not in sizes else []
    return Lesion(
        number=finding.number + (FIRST_CALCIFICATION if finding.collection.startswith("Calc") else 0),
        kind=finding.kind,
        pathology=finding.pathology,
        box=None,
        description="; ".join((finding.description, *notes)),
        assessment=finding.assessment,
        has_mask=bool(files),
    )
