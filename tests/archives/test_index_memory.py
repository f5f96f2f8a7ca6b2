"""A million images need at most 1 KB each in the index: as records, while they are checked, written and read."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo_gan.archives import index, parquet, readings
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.readings import Reading
from mammo_gan.archives.records import Acquisition, Box, Lesion, Mammogram, Origin

IMAGES = 1000
PER_IMAGE = 1024  # bytes
ROWS = 100  # at once
AT_WORK = 6 * 1024 * ROWS  # bytes that they may take, however many images there are


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", ROWS)


def record(number: int, origin: bool) -> Mammogram:
    """One of four images of a client; two lesions on every third. No two records share a text or a number."""
    client, uid = f"demd{number // 4}", f"1.2.840.113681.{number // 4}.42"
    lesions = [
        Lesion(
            number=k,
            kind="mass",
            pathology="malignant",
            box=Box(300 + number % 1000, 400 + k, 700 + number % 1000, 900 + k),
            description="".join(["mass, ", "spiculated"]),
            assessment=5,
        )
        for k in (1, 2)
    ]
    maker = Acquisition(
        manufacturer=" ".join(["HOLOGIC,", "Inc."]),
        model=" ".join(["Lorad", "Selenia"]),
        tube_current=float("100"),
        magnification=float("1.07"),
        for_presentation=True,
    )
    synthetic = Origin(
        generator=64 * chr(97),
        parent=f"{number:016x}",
        mask_parent=f"{number + 7:016x}",
        trained_on="train",
        seed=number,
    )
    return Mammogram(
        archive="optimam",
        source="disk",
        image=f"images/{client}/{uid}/1.2.840.113681.2231.{number}.dcm",
        patient=client,
        height=int("3328"),
        width=int("2560"),
        bits=16,
        view="CC" if number % 2 else "MLO",
        laterality="L" if number & 2 else "R",
        age=50 + number // 4 % 25,
        mm_per_px=float("0.07"),
        study=uid,
        acquisition=maker,
        shows=(),
        lesions=tuple(lesions) if number % 3 == 0 else (),
        origin=synthetic if origin else None,
    )


def reading(of: Mammogram) -> Reading:
    number = int(of.image.split(".")[-2])
    return Reading(
        "".join(of.image), f"{number:016x}", (f"{of.image}",), f"{number + 1:016x}", f"{number + 2:016x}", ()
    )


def held_and_peak(run: Callable[[], Any]) -> tuple[float, float]:
    """Bytes that the result holds and, beyond them, that the run needed at most."""
    gc.collect()
    tracemalloc.start()
    try:
        result = run()
        gc.collect()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    return held, peak - held


def test_the_records_of_synthetic_images_are_small_and_written_and_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    held, working = held_and_peak(lambda: index.write(path, (record(number, origin=True) for number in range(IMAGES))))
    assert held < AT_WORK / 100
    assert working < AT_WORK
    held, working = held_and_peak(lambda: index.read(path))
    assert held < PER_IMAGE * IMAGES
    assert working < AT_WORK
    assert index.read(path)[::100] == [record(number, origin=True) for number in range(0, IMAGES, 100)]


def test_what_was_read_of_an_archive_fits_beside_its_records(tmp_path: Path) -> None:
    records, read = tmp_path / "index.parquet", tmp_path / "readings.parquet"
    index.write(records, (record(number, origin=False) for number in range(IMAGES)))
    held, _ = held_and_peak(lambda: readings.write(read, (reading(record(n, origin=False)) for n in range(IMAGES))))
    assert held < AT_WORK / 100
    held, _ = held_and_peak(lambda: (index.read(records), readings.read(read)))
    assert held < PER_IMAGE * IMAGES


class Small(Reader):
    """An archive without files, so that nothing but the index takes memory."""

    name: ClassVar[str] = "small"
    root_variable: ClassVar[str] = "SMALL_ROOT"
    layout: ClassVar[str] = "nothing"
    source_of_data: ClassVar[str] = "nowhere"

    def scan(self, root: Path) -> Iterator[Mammogram | Fault]:
        return (record(number, origin=False) for number in range(IMAGES))

    def pixels(self, root: Path, mammogram: Mammogram) -> NDArray[np.uint8]:
        return np.broadcast_to(np.array([[0], [1]], np.uint8), (mammogram.height, mammogram.width))

    def mask(self, root: Path, mammogram: Mammogram, lesion: Lesion) -> NDArray[np.bool_]:
        raise NotImplementedError


@pytest.mark.parametrize("again", [False, True], ids=["first run", "nothing changed"])
def test_building_holds_little_beside_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    def read_at_once(reader: Reader, root: Path, scanned: Mammogram) -> index._Checked:
        again = record(int(scanned.image.split(".")[-2]), origin=False)  # as it comes back from a process
        found = replace(reading(again), scanned=readings.digest(again), state=readings.state(root, (again.image,)))
        return index._Checked(again.image, again, found)

    monkeypatch.setattr(index, "_check", read_at_once)
    monkeypatch.setattr(readings, "state", lambda root, files: f"{hash(files):016x}")
    known = index.Known()
    if again:
        index.build(Small(), tmp_path, "disk", 1, known=known)

    def build() -> Any:
        return index.build(Small(), tmp_path, "disk", 1, known=known), known

    held, working = held_and_peak(build)
    assert known.read_again == (0 if again else IMAGES)
    assert held < PER_IMAGE * IMAGES
    assert working < PER_IMAGE / 2 * IMAGES
