"""Real patches of CBIS-DDSM masses as a lab's own folder: copies beside a manifest.csv, made outside the repository.

python -m tests.real_patches FOLDER
python -m mammo_gan.run experiment=prepare_lesions archive=manifest archive.root=FOLDER selection=patches

With --no-split the table says nothing of training and validation, so that patients can be dealt to folds.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import sys
from pathlib import Path

PATCHES = Path(__file__).parents[2] / "shared" / "data" / "cbis_mass_patches"
"""{train,val}/is_benign_{true,false}/patientcbis-ddsm__P_xxxxx_image..._mass..._is_benign_{0,1}.png, 128x128 8 bits."""

_NAME = re.compile(r"patientcbis-ddsm__(?P<patient>P_\d+)_image\d+_mass\d+_is_benign_(?P<benign>[01])")


def as_archive(folder: Path, patches: Path = PATCHES, every: int = 1, split: bool = True) -> int:
    """Copy every `every`-th patch below `patches` into `folder` and list them in its manifest.csv; how many there are.

    The table says patient (from the file's name), label (malignant or benign), kind mass, extent patch and, with
    `split`, split (its folder: train or val).
    """
    files = sorted(patches.glob("*/is_benign_*/*.png"))[::every]
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "patient", "label", "kind", "extent", *(["split"] if split else [])])
        for path in files:
            name = _NAME.fullmatch(path.stem)
            if name is None:
                raise ValueError(f"{path}: expected patientcbis-ddsm__P_NUMBER_image..._mass..._is_benign_0 or 1.png")
            image = path.relative_to(patches)
            (folder / image.parent).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / image)
            label = "benign" if name["benign"] == "1" else "malignant"
            own = [image.parts[0]] if split else []
            table.writerow([image.as_posix(), name["patient"], label, "mass", "patch", *own])
    return len(files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.real_patches", description=__doc__)
    parser.add_argument("folder", type=Path, help="to be made")
    parser.add_argument("--no-split", action="store_true", help="leave the table's split column out")
    arguments = parser.parse_args()
    sys.stdout.write(f"{as_archive(arguments.folder, split=not arguments.no_split)} patches\n")
