"""One mammogram of 3328 x 2560 px from its DICOM file to a prepared array, against a script as one would write it; then
the way from files on disk through the index to prepared arrays, by one process and by two.

The script: pydicom's default decoder, `apply_voi_lut`, scikit-image's `resize`, a PNG. Before anything is measured,
both must show the same grey levels, pixel by pixel. What they make of them isn't compared: the ways of shrinking
differ, and ours also finds the breast and turns the chest wall to the left.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, RLELossless
from rich.table import Table
from skimage.transform import resize

from mammo_gan.archives import index
from mammo_gan.archives.manifest import Manifest
from mammo_gan.imaging.breast_mask import breast_mask
from mammo_gan.imaging.dicom import read_dicom
from mammo_gan.imaging.fitting import KORKINOF2019, fit_onto
from mammo_gan.imaging.geometry import resize_image
from mammo_gan.imaging.intensity import stretched
from mammo_gan.imaging.orientation import chest_wall_is_right, mirrored
from tests.archives.miniature import write_manifest
from tests.bench.runner import Benchmark, Outcome
from tests.bench.table import cells
from tests.imaging.dicom_files import write_dicom
from tests.imaging.test_dicom_pixels import pack_of

HEIGHT, WIDTH = 3328, 2560  # px, a large detector of Hologic's
BITS = 12
WINDOW: dict[str, Any] = {"WindowCenter": 1700, "WindowWidth": 3000}
# How many times faster ours has to be. With JPEG 2000 both wait for the same decoder, OpenJPEG: nine tenths of our time
# and half of the script's, so that twice as fast is out of reach while every pixel is wanted as it was stored.
FLOORS = {"uncompressed": 5.0, "RLE": 5.0, "lossless JPEG": 5.0, "JPEG 2000": 1.3}
SYNTAXES = {
    "uncompressed": ExplicitVRLittleEndian,
    "RLE": RLELossless,
    "lossless JPEG": JPEGLosslessSV1,
    "JPEG 2000": JPEG2000Lossless,
}
PROCESSES = {"two processes": 2, "one process": 1}
CORES = (2, 32, 256)
MILLION = 1_000_000


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """By packing: ms an image, one thread; then images per second by one process and by two."""
    shown = mammogram(HEIGHT, WIDTH)
    files = {
        name: write_dicom(
            scratch / f"{name}.dcm", shown, bits=BITS, syntax=syntax, pack=pack_of(syntax, BITS), **WINDOW
        )
        for name, syntax in SYNTAXES.items()
    }
    rows = np.lib.format.open_memmap(scratch / "images.npy", mode="w+", dtype=np.uint8, shape=(1, *KORKINOF2019))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for name, file in files.items():
        must_agree(file)
        arms = {"ours": partial(_into_row, file, rows), "a script": partial(_into_png, file, scratch / "shown.png")}
        blocks = 3 if quick else 9
        timed = {arm: _images_per_second(run, 2 if quick else 4) for arm, run in arms.items()}
        yield Benchmark(name=name, unit="images/s", arms=timed, blocks=blocks, floor=FLOORS[name])
    cv2.setNumThreads(threads)
    images = index.WORTH_PROCESSES if quick else 2 * index.WORTH_PROCESSES
    for name in ("uncompressed", "lossless JPEG", "JPEG 2000"):
        root = scratch / "archive"
        _archive(root, files[name], images)
        by = {arm: partial(_indexed_and_prepared, root, scratch, jobs) for arm, jobs in PROCESSES.items()}
        blocks = 1 if quick else 3
        yield Benchmark(name=f"index and preparation, {name}", unit="images/s", arms=by, blocks=blocks)
        shutil.rmtree(root)


def table(outcomes: Sequence[Outcome]) -> Table:
    """ms an image, and what a million images would take."""
    shown = Table("measured", "median", "quartiles", "unit", "ours / it", "at least", caption_justify="left")
    shown.caption = _estimate(outcomes)
    for outcome in outcomes:
        shown.add_section()
        shown.add_row(f"[bold]{outcome.name}[/bold]")
        for arm, summary in outcome.arms.items():
            ratio = f"{outcome.ratios[arm].median:.2f}" if arm in outcome.ratios else ""
            if outcome.name in FLOORS:
                figures = (f"{1000 / summary.median:.0f}", f"{1000 / summary.high:.0f} to {1000 / summary.low:.0f}")
                shown.add_row(f"  {arm}", *figures, "ms", ratio, f"{FLOORS[outcome.name]:g}" if ratio else "")
            else:
                shown.add_row(f"  {arm}", *cells(summary), outcome.unit, ratio, "")
    return shown


def _estimate(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "A million images of this size, from raw files to index and prepared arrays, if every core does as much as one "
        "of the two here, and the disks keep up:"
    ]
    for outcome in outcomes:
        if outcome.name not in FLOORS:
            per_core = outcome.arms["two processes"].median / PROCESSES["two processes"]
            hours = (f"{MILLION / (per_core * cores) / 3600:.3g} h on {cores} cores" for cores in CORES)
            lines.append(f"{outcome.name.partition(', ')[2]}: {', '.join(hours)}")
    return "\n".join(lines)


def mammogram(height: int, width: int) -> NDArray[np.uint16]:
    """(H, W) of 12 bits: tissue that fades to the skin, with a detector's noise, black beside it.

    Packed without loss it shrinks to a quarter (JPEG) and a sixth (JPEG 2000), about as real ones do.
    """
    y, x = np.ogrid[:height, :width]
    edge = (x / (0.6 * width)) ** 2 + ((y - height / 2) / (0.45 * height)) ** 2
    generator = np.random.default_rng(0)
    coarse = generator.random((26, 20), dtype=np.float32)
    tissue = 600 + 2200 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = 12 * generator.standard_normal((height, width), dtype=np.float32)
    grey = np.clip(tissue * np.clip(4 * (1 - edge), 0, 1) + noise, 1, 2**BITS - 1)
    return np.where(edge < 1, grey, 0).astype(np.uint16)


def prepared(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The image on 1280 x 1024 px (korkinof2019), stretched to 8 bits, and its breast; the chest wall at the left."""
    grey = read_dicom(path)
    small = stretched(resize_image(grey, fit_onto(grey.shape, KORKINOF2019).shape))
    breast = breast_mask(small)
    mirror = chest_wall_is_right(breast)
    fit = fit_onto(small.shape, KORKINOF2019)
    return fit.image(mirrored(small, mirror)), fit.mask(mirrored(breast, mirror))


def windowed(path: Path) -> NDArray[np.float64]:
    """The script's grey levels, 0 to 2**BITS - 1."""
    dataset = pydicom.dcmread(path)
    grey = np.asarray(apply_voi_lut(dataset.pixel_array, dataset), dtype=np.float64)
    return 2**BITS - 1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def must_agree(path: Path) -> None:
    """Both decode and window a file alike: no pixel differs, once the script's levels are rounded to 16 bits.

    Raises:
        ValueError: one does.
    """
    theirs = np.rint(windowed(path) / (2**BITS - 1) * 65535).astype(np.uint16)
    differing = int(np.count_nonzero(read_dicom(path) != theirs))
    if differing:
        raise ValueError(f"{path.name}: {differing} pixels differ from pydicom's")


def _into_row(path: Path, rows: NDArray[np.uint8]) -> None:
    rows[0] = prepared(path)[0]


def _into_png(path: Path, into: Path) -> None:
    grey = windowed(path)
    scale = min(KORKINOF2019[0] / grey.shape[0], KORKINOF2019[1] / grey.shape[1])
    shape = round(grey.shape[0] * scale), round(grey.shape[1] * scale)
    small = resize(grey, shape, anti_aliasing=True, preserve_range=True)  # type: ignore[no-untyped-call]
    laid = np.zeros(KORKINOF2019, dtype=np.uint8)
    laid[: shape[0], : shape[1]] = np.rint((small - small.min()) * (255 / (small.max() - small.min())))
    Image.fromarray(laid).save(into)


def _images_per_second(run: Callable[[], None], images: int) -> Callable[[], float]:
    def block() -> float:
        start = time.perf_counter()
        for _ in range(images):
            run()
        return images / (time.perf_counter() - start)

    return block


def _archive(root: Path, file: Path, images: int) -> None:
    """A lab's folder: the same image under several names."""
    root.mkdir()
    names = [f"{number}.dcm" for number in range(images)]
    for name in names:
        shutil.copyfile(file, root / name)
    write_manifest(root, [{"image": name, "patient": name, "label": "normal"} for name in names])


def _indexed_and_prepared(root: Path, scratch: Path, jobs: int) -> float:
    """Images per second. The index decodes each image to verify it; preparing decodes it again."""
    start = time.perf_counter()
    records, _ = index.build(Manifest(), root, "disk", jobs)
    shape = (len(records), *KORKINOF2019)
    rows = np.lib.format.open_memmap(scratch / "rows.npy", mode="w+", dtype=np.uint8, shape=shape)
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
        joblib.delayed(prepared)(root / record.image) for record in records
    )
    for row, (image, _) in zip(rows, results, strict=True):
        row[:] = image
    rows.flush()
    return len(records) / (time.perf_counter() - start)
