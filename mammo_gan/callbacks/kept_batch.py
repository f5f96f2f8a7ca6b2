"""The batch with which a training went wrong, kept for inspection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torchvision.utils import save_image

from mammo_gan.files import write_text, written_whole

PICTURED = 16  # images of a batch


def new_folder(parent: Path, iteration: int) -> Path:
    """Make iteration-0000123 in `parent`, or iteration-0000123-2, -3 ... where that is taken."""
    name, number = f"iteration-{iteration:07d}", 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def keep(folder: Path, rank: int, batch: tuple[Tensor, ...]) -> None:
    """Write the share that one process had of a batch.

    rank0.safetensors holds the fields by name, as they are; rank0.json says what to expect there: shapes, range, how
    many values aren't finite. rank0-FIELD.png shows the first 16 images of each field of images, clipped to [0, 1];
    rank0.json says how many values that touched. NaN is black.

    Args:
        batch: a NamedTuple of tensors.
    """
    fields = {name: field.detach().cpu().clone(memory_format=torch.contiguous_format) for name, field in _named(batch)}
    with written_whole(folder / f"rank{rank}.safetensors") as unfinished:
        unfinished.write_bytes(save(fields))
    write_json(folder / f"rank{rank}.json", {name: _described(field) for name, field in fields.items()})
    for name, field in fields.items():
        if _shows_images(field):
            shown = field[:PICTURED].float().nan_to_num(nan=0.0, posinf=1.0, neginf=0.0).clamp(0, 1)
            with written_whole(folder / f"rank{rank}-{name}.png") as unfinished:
                save_image(shown, unfinished, format="PNG", nrow=4)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Numbers that JSON doesn't know become the words "nan", "inf" and "-inf"."""
    write_text(path, json.dumps(_speakable(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _named(batch: tuple[Tensor, ...]) -> list[tuple[str, Tensor]]:
    names = getattr(batch, "_fields", map(str, range(len(batch))))
    return list(zip(names, batch, strict=True))


def _shows_images(field: Tensor) -> bool:
    """(B, 1 or 3, H, W) of floating-point values."""
    return field.is_floating_point() and field.ndim == 4 and field.shape[1] in (1, 3)


def _described(field: Tensor) -> dict[str, Any]:
    finite = field[field.isfinite()]
    described = {
        "shape": list(field.shape),
        "dtype": str(field.dtype).removeprefix("torch."),
        "lowest": finite.min().item() if len(finite) else None,  # of what is finite
        "highest": finite.max().item() if len(finite) else None,
        "nan": int(field.isnan().sum()),
        "infinite": int(field.isinf().sum()),
    }
    if _shows_images(field):
        described["clipped_in_picture"] = int(((field < 0) | (field > 1)).sum())
    return described


def _speakable(content: Any) -> Any:
    match content:
        case dict():
            return {name: _speakable(value) for name, value in content.items()}
        case list() | tuple():
            return [_speakable(value) for value in content]
        case float() if content - content != 0:  # NaN and the infinities
            return str(content)
    return content
