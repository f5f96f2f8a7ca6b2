"""Films, masks, crops and tables as CBIS-DDSM has them, with what is odd in that archive (`cbis_oddities`).

R. S. Lee et al., "A curated mammography data set for use in computer-aided detection and diagnosis research",
Scientific Data 4:170177, 2017; folders and files as the downloads of The Cancer Imaging Archive name them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage

from mammo_gan.archives.phantom.layouts.cbis_film import Drawn, Film, crop, draw, mask_file
from mammo_gan.archives.phantom.layouts.cbis_oddities import Oddities, oddities
from mammo_gan.archives.phantom.layouts.cbis_rows import COLUMNS, table_row
from mammo_gan.archives.phantom.layouts.dicom import dicom, write_dicom
from mammo_gan.archives.phantom.layouts.layout import Layout, Settings, TableRow
from mammo_gan.archives.phantom.patient import Outcome, Patient
from mammo_gan.archives.records import View

_FILMS, _MASKS, _CROPS = "full mammogram images", "ROI mask images", "cropped images"


class CBISLayout(Layout):
    """CBIS-DDSM: both films of the affected breast, with a mask and a crop for each lesion.

    The archive has no patient without lesion. Healthy tissue to infill is that of films with a lesion, well away from
    it, as it has to be with the archive itself.
    """

    name: ClassVar[str] = "CBIS-DDSM"
    outcomes: ClassVar[Collection[Outcome]] = ("benign", "malignant")
    tables: ClassVar[Mapping[str, tuple[str, ...]]] = COLUMNS

    def write_patient(self, root: Path, patient: Patient, settings: Settings) -> Sequence[TableRow]:
        odd = oddities(patient.number)
        rows = []
        for view in get_args(View):
            film = draw(patient, view, odd, settings)
            for folder in dict.fromkeys(film.folder(lesion.collection) for lesion in film.lesions):
                _write(root, folder, _FILMS, "1-1.dcm", film, film.intensity)
            for lesion in film.lesions:
                _write_lesion(root, film, lesion, odd)
                rows.append(table_row(film, lesion, odd))
        return rows


def _write_lesion(root: Path, film: Film, lesion: Drawn, odd: Oddities) -> None:
    folder = f"{film.folder(lesion.collection)}_{lesion.number}"
    mask, around = mask_file(lesion, odd.smaller_mask), crop(film, lesion)
    # Masks come first among the calcifications, crops among the masses; in part of the archive it is the other way.
    mask_first = lesion.collection.startswith("Calc") != odd.exchanged
    if odd.series_apart:
        names = (_CROPS, "1-1.dcm"), (_MASKS, "1-1.dcm")
        of_mask, of_crop = names if odd.exchanged else names[::-1]
    else:
        names = (_MASKS, "1-1.dcm"), (_MASKS, "1-2.dcm")
        of_mask, of_crop = names if mask_first else names[::-1]
    _write(root, folder, *of_mask, film, mask)
    _write(root, folder, *of_crop, film, around)


def _write(
    root: Path, folder: str, series: str, name: str, film: Film, pixels: NDArray[np.uint8] | NDArray[np.uint16]
) -> None:
    """Folders are named by date, kind and the ends of the study's and the series' identifiers."""
    study, of_series = film.uid(folder), film.uid(folder, series)
    header: dict[str, Any] = {
        "Modality": "MG",
        "ConversionType": "WSD",
        "PatientID": folder,
        "PatientName": folder,
        "PatientOrientation": film.view,
        "Laterality": film.side[:1],
        "BodyPartExamined": "BREAST",
        "SeriesDescription": series,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": of_series,
        "InstanceNumber": name[2:3],
    }
    path = (
        root / "CBIS-DDSM" / folder / f"01-01-2000-DDSM-NA-{study[-5:]}" / f"1.000000-{series}-{of_series[-5:]}" / name
    )
    own = film.uid(folder, series, name)
    write_dicom(path, dicom(pixels, 8 * pixels.itemsize, SecondaryCaptureImageStorage, own, header), pixels)
