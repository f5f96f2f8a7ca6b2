"""index: an archive on disk, or a phantom of one -> records and what is wrong with its files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives import index, integrity, readings, remarks
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram, Source
from mammo_gan.errors import UserError
from mammo_gan.reporting import archive_page, html
from mammo_gan.reporting.figures.thumbnail import thumbnail
from mammo_gan.stages.stage import DONE, Context, Stage, is_whole, plain, write_json

RECORDS = "index.parquet"
READINGS = "readings.parquet"  # of the files behind the records
READER = "reader.json"
INTEGRITY = "integrity.json"
PAGE = "integrity.html"
ROOT = "root.txt"
PHANTOM = "phantom"
SHOWN = 20  # faults on the screen


class Index(Stage):
    """Reads every file of an archive once: what can't be read is named, the rest becomes records."""

    version: ClassVar[int] = 3

    def __init__(self, inputs: list[str], reader: DictConfig, phantom: DictConfig | None, unkeyed: DictConfig) -> None:
        super().__init__(inputs, unkeyed)
        self.settings = reader
        self.reader: Reader = instantiate(reader)
        self.phantom = phantom

    def fingerprint(self) -> str:
        if self.phantom is not None:
            return ""  # its settings are all that a phantom depends on
        return index.fingerprint(self._root_on_disk())

    def run(self, folder: Path, context: Context) -> None:
        root = self._root_on_disk() if self.phantom is None else self._write_phantom(folder, self.phantom, context)
        source: Source = "disk" if self.phantom is None else "phantom"
        known = index.Known() if self.phantom is not None else self._known(folder, root)
        records, faults = index.build(self.reader, root, source, context.jobs, context.screen.progress, known)
        seen = len(records) + len(faults)
        odd = remarks.find(records, known.readings)
        integrity.write(folder / INTEGRITY, faults, seen, odd)
        html.save(folder / PAGE, self._page(root, records, known.faulty, faults, odd))
        self._show(faults, odd, seen, folder, context)
        integrity.enforce(faults, seen, self.unkeyed.max_faulty_share)
        index.write(folder / RECORDS, records)
        readings.write(folder / READINGS, known.readings.values())
        write_json(folder / READER, self._described())
        # A phantom lies in this folder and moves with it.
        where = PHANTOM if self.phantom is not None else str(root.resolve())
        (folder / ROOT).write_text(where, encoding="utf-8")
        patients = len({record.patient for record in records})
        unchanged = len(records) + len(known.faulty) - known.read_again
        said = f"; {known.read_again} were read, {unchanged} are as they were" if unchanged > 0 else ""
        context.screen.say(f"index: {len(records)} images of {patients} patients{said}")

    def _described(self) -> dict[str, Any]:
        return {"reader": plain(self.settings), "version": self.version}

    def _known(self, folder: Path, root: Path) -> index.Known:
        """What the newest index of the same archive by the same reader found sound."""
        for other in sorted(folder.parent.glob(f"*/{DONE}"), key=lambda file: file.stat().st_mtime, reverse=True):
            if is_whole(other.parent) and (other.parent / READER).exists() and root_of(other.parent) == root.resolve():
                described = json.loads((other.parent / READER).read_text(encoding="utf-8"))
                if described == self._described():
                    return index.Known(
                        records={record.image: record for record in index.read(other.parent / RECORDS)},
                        readings={reading.image: reading for reading in readings.read(other.parent / READINGS)},
                    )
        return index.Known()

    def _page(
        self,
        root: Path,
        records: list[Mammogram],
        faulty: list[Mammogram],
        faults: list[integrity.Fault],
        odd: list[remarks.Remark],
    ) -> html.Report:
        known = {record.image: record for record in (*records, *faulty)}

        def picture(file: str, count: int) -> bytes | None:
            """Of the first ones alone: each has to be decoded for it."""
            if file not in known or count >= archive_page.SHOWN:
                return None
            try:
                pixels = self.reader.pixels(root, known[file])
            except UserError:
                return None
            return thumbnail(pixels, [lesion.box for lesion in known[file].lesions if lesion.box is not None])

        left_out = [
            archive_page.Finding(
                file=fault.file,
                what=fault.problem,
                expected=fault.expected,
                found=fault.found,
                advice=fault.advice,
                thumbnail=picture(fault.file, count),
            )
            for count, fault in enumerate(faults)
        ]
        worth_a_look = [
            archive_page.Finding(
                file=remark.file, what=remark.oddity, found=remark.found, thumbnail=picture(remark.file, count)
            )
            for count, remark in enumerate(odd)
        ]
        return archive_page.archive_page(self.reader.name, records, left_out, worth_a_look)

    def _show(
        self, faults: list[integrity.Fault], odd: list[remarks.Remark], seen: int, folder: Path, context: Context
    ) -> None:
        if faults:
            title = f"{len(faults)} of {seen} files are faulty and left out"
            rows = [(fault.file, fault.problem, fault.expected, fault.found) for fault in faults[:SHOWN]]
            context.screen.table(title, ("file", "fault", "expected", "found"), rows)
        if odd:
            counts = Counter(remark.oddity for remark in odd)
            said = ", ".join(f"{oddity} ({count})" for oddity, count in counts.most_common())
            context.screen.say(f"worth a look: {said}")
        if faults or odd:
            context.screen.say(f"all of them, with pictures, in {folder / PAGE}")

    def _root_on_disk(self) -> Path:
        if self.unkeyed.root is None:
            raise self.reader.no_archive("no archive was given")
        root = Path(str(self.unkeyed.root)).expanduser()
        if not root.is_dir():
            raise self.reader.no_archive(f"{root}: there is no such folder")
        return root.absolute()  # processes on other machines work in folders of their own

    def _write_phantom(self, folder: Path, phantom: DictConfig, context: Context) -> Path:
        write = instantiate(self.unkeyed.phantom_writer)
        root = folder / PHANTOM
        write(root, **plain(phantom), jobs=context.jobs, progress=context.screen.progress)
        return root


def root_of(indexed: Path) -> Path:
    """The archive that an index, by its folder, belongs to."""
    return indexed / (indexed / ROOT).read_text(encoding="utf-8")
