"""A synthetic set as written by `writing` or `writing_samples`, read again for training and evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_gan.archives import index
from mammo_gan.archives.paths import inside
from mammo_gan.archives.records import Mammogram, SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.errors import UserError
from mammo_gan.imaging.decoding import read_image, read_mask
from mammo_gan.synthesis.layout import IMAGES, MASKS, RECORDS


class SyntheticSet:
    """Patches of a synthesis folder, in the order of their records.

    Raises:
        UserError: if the folder has no readable records.parquet, or the records aren't synthetic.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[Mammogram] = index.read(folder / RECORDS)
        for record in self.records:
            if record.source != "synthetic":
                raise UserError(
                    f"{folder / RECORDS}: expected synthetic images alone, found {record.image} with "
                    f"source={record.source}; run the stage synthesize again"
                )

    def __len__(self) -> int:
        return len(self.records)

    def label(self, number: int) -> int | None:
        """Class that the patch was generated for; None if its generator knew no classes."""
        pathologies = {lesion.pathology for lesion in self.records[number].lesions}
        if "malignant" in pathologies:
            return MALIGNANT
        return None if "unknown" in pathologies else NON_MALIGNANT

    def require_trained_on(self, split: SplitName) -> None:
        """Refuse images whose generator has seen, or may have seen, patients of another split.

        Raises:
            UserError: names the first such image.
        """
        for record in self.records:
            seen = None if record.origin is None else record.origin.trained_on
            if seen != split or record.split != split:
                raise UserError(
                    f"{self.folder / RECORDS}: expected images of a generator that was trained on the split {split} "
                    f"alone, found {record.image} of the split {record.split}, its generator trained on "
                    f"{seen or 'nothing that is known'}; training with them would tell of patients that are tested on. "
                    "Run the stage synthesize again"
                )

    def image(self, number: int) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]."""
        record = self.records[number]
        pixels = read_image(inside(self.folder, record.image))
        return np.asarray(pixels / np.float32(2**record.bits - 1), dtype=np.float32)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(H, W) bool, True where the generator infilled; of a set of infilled patches."""
        return read_mask(inside(self.folder, self.records[number].image.replace(IMAGES, MASKS, 1)))
