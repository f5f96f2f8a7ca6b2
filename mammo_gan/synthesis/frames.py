"""Frames of a video: what a progressively grown generator draws, always of one size, and the file that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mammo_gan.files import written_whole

Frame = NDArray[np.uint8]

# Formats that browsers show and pillow writes, with what they are told. png and gif keep every grey level, webp has
# less than half of their size.
FORMATS: Mapping[str, Mapping[str, Any]] = {"webp": {"quality": 90, "method": 0}, "png": {}, "gif": {}}


def frame_of(generator: Any, z: Tensor, encoded: Tensor | None, *, stage: int, alpha: float, height: int) -> Frame:
    """Images side by side, in eight bits.

    Args:
        generator: as `networks.mammogan.Generator`, in eval mode, where z lies.
        z: (B, latent) float32.
        encoded: (B, attributes) float32; None for a generator without attributes.
        stage, alpha: how far it has grown.
        height: of the frame, at most, px.

    Returns:
        (h, B * w), h and w being those of the finest stage that is no higher than `height`. Images of finer stages are
        scaled down by means, those of coarser ones have squares for pixels.
    """
    base_height, base_width = generator.base
    shown = max((s for s in range(generator.stages) if base_height << s <= height), default=0)
    with torch.inference_mode():
        images: Tensor = generator(z, encoded, stage=stage, alpha=alpha).float()  # (B, 1, H, W)
        if stage > shown:
            images = F.avg_pool2d(images, 1 << (stage - shown))
        images = F.interpolate(images, size=(base_height << shown, base_width << shown), mode="nearest")
        grey = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        frame: Frame = torch.cat(list(grey[:, 0]), 1).cpu().numpy()
    return frame


def write_video(path: Path, frames: Iterable[Frame], *, per_second: float) -> None:
    """Write frames (h, w) as one file that begins anew at its end, and the first of them beside it as a PNG file.

    All frames are in memory at once.

    Args:
        path: ends in .webp, .png or .gif. The picture has `_first.png` in place of that.
    """
    shown = np.stack(list(frames))
    settings: dict[str, Any] = {"duration": round(1000 / per_second), "loop": 0, **FORMATS[path.suffix[1:]]}
    with written_whole(path) as unfinished:
        iio.imwrite(unfinished, shown, plugin="pillow", extension=path.suffix, is_batch=True, **settings)
    with written_whole(path.with_name(f"{path.stem}_first.png")) as unfinished:
        Image.fromarray(shown[0]).save(unfinished, format="PNG")
