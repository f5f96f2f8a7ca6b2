"""Real patches of CBIS-DDSM masses as a lab's own folder: copies beside a manifest.csv, made outside the repository.

python -m tests.real_patches FOLDER
python -m mammo_gan.run experiment=prepare_lesions archive=manifest archive.root=FOLDER selection=patches
"""

from __future__ import annotations

import csv
import re
import shutil
import sys
from pathlib import Path

PATCHES = Path(__file__).parents[2] / "shared" / "data" / "cbis_mass_patches"
"""{train,val}/is_benign_{true,false}/patientcbis-ddsm__P_xxxxx_image..._mass..._is_benign_{0,1}.png, 128x128 8 bits."""

_NAME = re.compile(r"patientcbis-ddsm__(?P<patient>P_\d+)_image\d+_mass\d+_is_benign_(?P<benign>[01])")


def as_archive(folder: Path, patches: Path = PATCHES, every: int = 1) -> int:
    """Copy every `every`-th patch below `patches` into `folder` and list them in its manifest.csv; how many there are.

    The table says patient (from the file's name), split (its folder: train or val), label (malignant or benign), kind
    mass and extent patch.
    """
    files = sorted(patches.glob("*/is_benign_*/*.png"))[::every]
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "patient", "label", "kind", "extent", "split"])
        for path in files:
            name = _NAME.fullmatch(path.stem)
            if name is None:
                raise ValueError(f"{path}: expected patientcbis-ddsm__P_NUMBER_image..._mass..._is_benign_0 or 1.png")
            split, image = path.parent.parent.name, path.relative_to(patches)
            (folder / image.parent).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / image)
            label = "benign" if name["benign"] == "1" else "malignant"
            table.writerow([image.as_posix(), name["patient"], label, "mass", "patch", split])
    return len(files)


if __name__ == "__main__":
    sys.stdout.write(f"{as_archive(Path(sys.argv[1]))} patches\n")
