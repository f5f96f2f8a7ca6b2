"""index: an archive on disk, or a phantom of one -> records and what is wrong with its files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.archives import index, integrity
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Source
from mammo_gan.stages.stage import Context, Stage, plain

RECORDS = "index.parquet"
INTEGRITY = "integrity.json"
ROOT = "root.txt"
PHANTOM = "phantom"
FAULTS_SHOWN = 20


class Index(Stage):
    """Reads every file of an archive once: what can't be read is named, the rest becomes records."""

    version: ClassVar[int] = 1

    def __init__(self, inputs: list[str], reader: DictConfig, phantom: DictConfig | None, unkeyed: DictConfig) -> None:
        super().__init__(inputs, unkeyed)
        self.reader: Reader = instantiate(reader)
        self.phantom = phantom

    def fingerprint(self) -> str:
        if self.phantom is not None:
            return ""  # its settings are all that a phantom depends on
        return index.fingerprint(self._root_on_disk())

    def run(self, folder: Path, context: Context) -> None:
        root = self._root_on_disk() if self.phantom is None else self._write_phantom(folder, self.phantom, context)
        source: Source = "disk" if self.phantom is None else "phantom"
        records, faults = index.build(self.reader, root, source, context.jobs, context.screen.progress)
        seen = len(records) + len(faults)
        integrity.write(folder / INTEGRITY, faults, seen)
        if faults:
            self._show(faults, seen, folder / INTEGRITY, context)
        integrity.enforce(faults, seen, self.unkeyed.max_faulty_share)
        index.write(folder / RECORDS, records)
        # A phantom lies in this folder and moves with it.
        where = PHANTOM if self.phantom is not None else str(root.resolve())
        (folder / ROOT).write_text(where, encoding="utf-8")
        context.screen.say(f"index: {len(records)} images of {len({record.patient for record in records})} patients")

    def _show(self, faults: list[integrity.Fault], seen: int, file: Path, context: Context) -> None:
        title = f"{len(faults)} of {seen} files are faulty and left out"
        rows = [(fault.file, fault.problem, fault.expected, fault.found) for fault in faults[:FAULTS_SHOWN]]
        context.screen.table(title, ("file", "fault", "expected", "found"), rows)
        context.screen.say(f"all of them, and what to do, in {file}")

    def _root_on_disk(self) -> Path:
        if self.unkeyed.root is None:
            raise self.reader.no_archive("no archive was given")
        root = Path(str(self.unkeyed.root)).expanduser()
        if not root.is_dir():
            raise self.reader.no_archive(f"{root}: there is no such folder")
        return root

    def _write_phantom(self, folder: Path, phantom: DictConfig, context: Context) -> Path:
        write = instantiate(self.unkeyed.phantom_writer)
        root = folder / PHANTOM
        write(root, **plain(phantom), jobs=context.jobs, progress=context.screen.progress)
        return root


def root_of(indexed: Path) -> Path:
    """The archive that an index, by its folder, belongs to."""
    return indexed / (indexed / ROOT).read_text(encoding="utf-8")
