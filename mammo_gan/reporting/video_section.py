"""The section of a report that shows videos: on the page itself, unless they are too large for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mammo_gan.errors import UserError
from mammo_gan.reporting.html import Block, Figure, MediaType, Picture, Section, Text

LARGEST = 8 * 2**20  # bytes of a video on the page
WIDTH = 580  # px on it, about
_MEDIA: Mapping[str, MediaType] = {".webp": "image/webp", ".png": "image/png", ".gif": "image/gif"}
_CAPTIONS = {
    "walk": "A walk round a loop of points of noise.",
    "fade_in": "One image of each growing as the training's schedule has it, until the last stage has faded in.",
}


def video_section(folder: Path, origin: str) -> Section:
    """`walk` and `fade_in` of the stage videos' folder.

    Raises:
        UserError: one of them is missing or broken.
    """
    blocks = tuple(_block(folder, name, f"{caption}{origin}") for name, caption in _CAPTIONS.items())
    return Section("videos", "Videos", blocks)


def _block(folder: Path, name: str, caption: str) -> Block:
    file = next((file for file in sorted(folder.glob(f"{name}.*")) if file.suffix in _MEDIA), None)
    if file is None:
        raise UserError(f"{folder}: expected {name}.webp, .png or .gif; delete the folder, then it is made again")
    try:
        with Image.open(file) as first:
            width = first.width
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{file}: expected a video; delete its folder, then it is made again ({error})") from error
    if file.stat().st_size > LARGEST:
        return Text(f"{caption} It is too large for this page: see {Path(*file.parts[-3:])}")
    shown = max(WIDTH // width, 1) * width
    picture = Picture(light=file.read_bytes(), alt=caption, media_type=_MEDIA[file.suffix], width=shown)
    return Figure(picture, caption)
