"""Random batches of training images per second: from the store, against PNG files.

All files lie in the system's cache, on both sides: what is compared is decoding and copying, not the disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mammo_gan.archives import index, splits
from mammo_gan.archives.ddsm import DDSM
from mammo_gan.archives.phantom.archive import PhantomArchive
from mammo_gan.archives.phantom.layouts.ddsm import DDSMLayout
from mammo_gan.data.image_store import ImageStore
from mammo_gan.data.prepare_images import ImageRecipe, prepare_images
from tests.bench.runner import Benchmark

HEIGHT, WIDTH = 1375, 750  # px, of a film
JOBS = 2
# Images a batch and their size, each kind with the store that it comes from: squares, and whole mammograms.
BATCHES = ((64, (128, 128), "squares"), (16, (256, 256), "squares"), (4, (1280, 1024), "whole"))
SIZES = {"squares": ((256, 256), (128, 128)), "whole": ((1280, 1024),)}
FLOOR = 5.0

Load = Callable[[Sequence[int]], np.ndarray]


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Images as (B, H, W) float32 in [0, 1]; the faster of two decoders of PNG stands next to the store."""
    root = scratch / "archive"
    PhantomArchive(DDSMLayout())(root, 8 if quick else 16, HEIGHT, WIDTH, "lumisys", seed=1, jobs=JOBS)
    records, _ = index.build(DDSM(), root, "phantom", JOBS)
    split_of = splits.assign(records, {"train": 1.0, "val": 0.0, "test": 0.0}, seed=1)
    for kind, sizes in SIZES.items():
        recipe = ImageRecipe(sizes=sizes, depth=8, left_oriented=True)
        prepare_images(records, DDSM(), root, scratch / kind, recipe, split_of, b"key", jobs=JOBS)
    for count, size, kind in BATCHES:
        store = ImageStore.open(scratch / kind)
        files = _pngs(store, size, scratch / f"{size[0]}x{size[1]}")
        arms = {"PNG, OpenCV": _decoding(files, size, _opencv), "PNG, Pillow": _decoding(files, size, _pillow)}
        blocks = {name: _block(load, count, len(store)) for name, load in arms.items()}
        speeds = {name: max(block() for _ in range(3)) for name, block in blocks.items()}
        faster_first = sorted(blocks, key=lambda name: speeds[name], reverse=True)
        yield Benchmark(
            name=f"random batches, {count} images of {size[0]}x{size[1]} px",
            unit="images/s",
            arms={"store": _block(_from_store(store, size), count, len(store))}
            | {name: blocks[name] for name in faster_first},
            blocks=3 if quick else 9,
            floor=FLOOR,
        )


def _pngs(store: ImageStore, size: tuple[int, int], folder: Path) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{number}.png" for number in range(len(store))]
    for number, file in enumerate(files):
        Image.fromarray(store.batch([number], size)[0]).save(file)
    return files


def _from_store(store: ImageStore, size: tuple[int, int]) -> Load:
    return lambda wanted: store.floats(wanted, size)


def _decoding(files: list[Path], size: tuple[int, int], decode: Callable[[Path], np.ndarray]) -> Load:
    def load(wanted: Sequence[int]) -> np.ndarray:
        batch = np.empty((len(wanted), *size), dtype=np.float32)
        for place, number in enumerate(wanted):
            np.multiply(decode(files[number]), np.float32(1 / 255), out=batch[place])
        return batch

    return load


def _opencv(file: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))


def _pillow(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


def _block(load: Load, count: int, images: int) -> Callable[[], float]:
    """The same random images for every arm, some ten megapixels of them."""
    pixels = int(load([0])[0].size)
    batches = max(2, round(1e7 / (count * pixels)))
    wanted = np.random.default_rng(0).integers(images, size=(batches, count)).tolist()

    def block() -> float:
        start = time.perf_counter()
        for numbers in wanted:
            load(numbers)
        return batches * count / (time.perf_counter() - start)

    return block
