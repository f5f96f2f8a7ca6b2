"""File systems of their own for tests: one that is soon full, one that isn't the checkpoints'."""

from __future__ import annotations

import errno
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def nearly_full(folder: Path, kilobytes: int = 1024) -> Iterator[bool]:
    """`folder` is a file system of that size within; False where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_room_left(folder: Path, kilobytes: int, mounted: bool) -> Iterator[int]:
    """Within, a file of more than `kilobytes` can't be written to `folder`. Yields the errno that says so.

    Args:
        mounted: it is a `nearly_full` one, which is filled up. Otherwise a limit on the size of this process's files
            stands in: the write fails midway as on a full disk, with another number.
    """
    if mounted:
        filling = folder / "filling"
        filling.write_bytes(bytes(shutil.disk_usage(folder).free - 1024 * kilobytes))
        try:
            yield errno.ENOSPC
        finally:
            filling.unlink()
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kilobytes, before[1]))
    try:
        yield errno.EFBIG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def other_than(folder: Path) -> Iterator[Path]:
    """A folder on another file system than `folder`: in memory, or on one that is mounted.

    Where neither can be had, it is a folder that doesn't exist, so that whoever wants to stage a file there fails.
    """
    memory = Path("/dev/shm")  # noqa: S108
    if memory.is_dir() and memory.stat().st_dev != folder.stat().st_dev:
        with tempfile.TemporaryDirectory(dir=memory) as found:
            yield Path(found)
        return
    place = folder / "temporary"
    with nearly_full(place, 64 * 1024) as mounted:
        if not mounted:
            place.rmdir()
        yield place
