"""Patches drawn from noise as an archive, laid out as in `layout`.

`draws.csv` tells of each patch the noise and the class that it was drawn from, so that it can be drawn again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from mammo_gan.archives.records import Box, Lesion, LesionKind, Mammogram, Origin, Pathology, SplitName
from mammo_gan.data.batches import MALIGNANT, NON_MALIGNANT
from mammo_gan.synthesis.layout import IMAGES, write_grey, write_records, write_table
from mammo_gan.synthesis.sampling import Sampled

DRAWS = "draws.csv"
NO_PARENT = ""  # nothing real lent a context or a mask
_PATHOLOGY: dict[int | None, Pathology] = {None: "unknown", NON_MALIGNANT: "benign", MALIGNANT: "malignant"}


def write_samples(
    folder: Path,
    sampled: Iterable[Sampled],
    *,
    archive: str,
    generator: str,
    trained_on: SplitName,
    kinds: Collection[LesionKind],
) -> list[Mammogram]:
    """Write images/, manifest.csv, records.parquet and draws.csv; returns the records.

    Images are 8-bit PNG files with numbers for names. Each patch is a lesion from border to border, as those that it
    was learnt from, of no patient: its own name stands there, so that it is nobody else's.

    Args:
        folder: where they go; the caller renames it when the set is whole.
        archive: name of the archive that the real patches come from.
        generator: sha256 of the generator's weights.
        trained_on: the split it was trained on.
        kinds: of the lesions it was trained on; of several, which one a patch shows isn't known.
    """
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    kind = next(iter(kinds)) if len(kinds) == 1 else "other"
    records, draws = [], []
    for number, patch in enumerate(sampled):
        name = f"{IMAGES}/{number:06d}.png"
        write_grey(folder / name, patch.image)
        height, width = patch.image.shape
        lesion = Lesion(number=1, kind=kind, pathology=_PATHOLOGY[patch.label], box=Box(0, 0, width, height))
        records.append(
            Mammogram(
                archive=archive,
                source="synthetic",
                image=name,
                patient=f"synthetic-{generator[:12]}-{number:06d}",
                height=height,
                width=width,
                bits=8,
                lesions=(lesion,),
                extent="patch",
                split=trained_on,
                origin=Origin(
                    generator=generator,
                    parent=NO_PARENT,
                    mask_parent=NO_PARENT,
                    trained_on=trained_on,
                    seed=patch.seed,
                ),
            )
        )
        draws.append({"image": name, "label": patch.label, "seed": patch.seed, "place": patch.place})
    write_table(folder / DRAWS, ("image", "label", "seed", "place"), draws)
    write_records(folder, records)
    return records
