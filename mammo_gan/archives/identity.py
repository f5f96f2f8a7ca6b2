"""Keyed hashes that stand for patients and images wherever the archive's own names must not go."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError

KEY_BYTES = 32


def keyed_hash(key: bytes, text: str) -> str:
    """16 hex digits of HMAC-SHA256. Without the key nobody can tell which text they stand for, not even by trying."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def image_key(key: bytes, mammogram: Mammogram) -> str:
    """What an image is called outside the index."""
    return keyed_hash(key, f"image:{mammogram.archive}:{mammogram.image}")


def patient_key(key: bytes, mammogram: Mammogram) -> str:
    """What a patient is called outside the index."""
    return keyed_hash(key, f"patient:{mammogram.archive}:{mammogram.patient}")


def load_key(path: Path) -> bytes:
    """The secret key at `path`: 32 bytes, made and kept (readable by its owner alone) when missing.

    Two processes that start together end up with the same key.

    Raises:
        UserError: the file can't be read or written, or isn't a key.
    """
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: the key for patients' hashes can't be read or made ({error.strerror}); "
            "set paths.identity_key to a file in a folder that you can write to"
        ) from error
    if len(key) != KEY_BYTES:
        raise UserError(
            f"{path}: expected a key of {KEY_BYTES} bytes, found {len(key)}; bring the right file back, or remove "
            "this one to have a new key made (patients' hashes will then differ from earlier runs')"
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the name is taken, a rename would replace the key that another process has just made.
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
