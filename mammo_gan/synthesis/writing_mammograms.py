"""Mammograms drawn from noise as an archive, laid out as in `layout`.

`draws.csv` tells of each image the noise that it was drawn from and what it was asked to show. Its last columns are
empty, for whoever looks the images through for artefacts, as the authors did before their study
(korkinof2019_mammogan, sections 4 and 5). A stage's own files stay as they are: what is found goes into a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mammo_gan.archives.records import Lesion, Mammogram, Origin, SplitName
from mammo_gan.synthesis.layout import IMAGES, write_grey, write_records, write_table
from mammo_gan.synthesis.mammograms import DrawnMammogram
from mammo_gan.synthesis.writing_samples import DRAWS, NO_PARENT

# Whether an artefact is visible, yes or no; which (dark spot, bright spot, stretching, implant, ...); who looked.
TRIAGE = ("visible_artefact", "artefact", "reader")


def write_mammograms(
    folder: Path,
    drawn: Iterable[DrawnMammogram],
    attributes: Sequence[str],
    *,
    archive: str,
    generator: str,
    trained_on: SplitName,
) -> list[Mammogram]:
    """Write images/, manifest.csv, records.parquet and draws.csv; returns the records.

    Images are 8-bit grey PNG files with numbers for names, of no patient: each one's own name stands there. View and
    density are those that were asked for. What lesions an image shows nobody knows: it is recorded as one that may hold
    any, so that nothing takes it for a healthy breast.

    Args:
        folder: where they go; the caller renames it when the set is whole.
        attributes: names of what is asked, a column of draws.csv each.
        archive: name of the archive that the real mammograms come from.
        generator: sha256 of the generator's weights.
        trained_on: the split it was trained on.
    """
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    records, draws = [], []
    for number, mammogram in enumerate(drawn):
        name = f"{IMAGES}/{number:06d}.png"
        write_grey(folder / name, mammogram.image)
        origin = Origin(
            generator=generator, parent=NO_PARENT, mask_parent=NO_PARENT, trained_on=trained_on, seed=mammogram.seed
        )
        records.append(_record(mammogram, name, f"synthetic-{generator[:12]}-{number:06d}", archive, origin))
        draws.append({"image": name, "seed": mammogram.seed, **mammogram.asked})
    write_table(folder / DRAWS, ("image", "seed", *attributes, *TRIAGE), draws)
    write_records(folder, records)
    return records


def _record(mammogram: DrawnMammogram, name: str, patient: str, archive: str, origin: Origin) -> Mammogram:
    height, width = mammogram.image.shape
    asked: dict[str, Any] = dict(mammogram.asked)
    return Mammogram(
        archive=archive,
        source="synthetic",
        image=name,
        patient=patient,
        height=height,
        width=width,
        bits=8,
        view=asked.get("view"),
        density=asked.get("density"),
        lesions=(Lesion(number=1, kind="other", pathology="unknown", box=None),),
        split=origin.trained_on,
        origin=origin,
    )
