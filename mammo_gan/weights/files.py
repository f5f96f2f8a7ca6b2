"""Files of weights: their provenance, their checksum, and reading them without running anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mammo_gan.errors import UserError


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where weights come from. Every result made with them carries it.

    name:   the publisher's name, the file's name, or "random"
    sha256: of the file; None for random weights
    random: whether they have never seen an image
    """

    name: str
    sha256: str | None
    random: bool


def checksum(file: Path) -> str:
    """sha256 of a file, in hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def cached(name: str) -> Path:
    """Where torch keeps a downloaded file of this name."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def check_sha256(network: str, source: str, expected: str | None, provenance: Provenance, setting: str) -> None:
    """Raise UserError if a checksum is expected, by a setting, and the weights have another, or none."""
    if expected is not None and provenance.sha256 != expected.lower():
        raise UserError(
            f"weights of {network} from {source}: expected sha256 {expected}, found "
            f"{provenance.sha256 or 'random weights'}; get the file again, or set {setting}=null to take it as it is"
        )


def read_safetensors(file: Path, network: str, names: str, setting: str) -> dict[str, Tensor]:
    """All tensors of a .safetensors file.

    Args:
        network: what the weights are of, for the errors.
        names: what may stand in place of a file.
        setting: what names the file, a setting or a variable.

    Raises:
        UserError: another suffix, no such file, or not a whole one.
    """
    if file.suffix != ".safetensors":
        raise UserError(
            f"weights of {network}: expected {names} or a .safetensors file, found {file}; other "
            "formats can run code when they are loaded: convert them with safetensors.torch.save_file"
        )
    if not file.is_file():
        raise UserError(f"weights of {network}: {file} isn't there; set {setting} to the file")
    try:
        return load_file(file)
    except SafetensorError as error:
        raise UserError(
            f"weights of {network}: {file} isn't a whole safetensors file ({error}); get it again"
        ) from error
