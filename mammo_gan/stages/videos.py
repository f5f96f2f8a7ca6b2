"""videos: a trained, grown generator -> a walk through its images, and how one of them grows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from mammo_gan.data.attributes import Attributes
from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.schedules.progressive import ProgressiveSchedule
from mammo_gan.stages.generators import load_trained
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.synthesize import TRAINED_ON, device
from mammo_gan.synthesis.fade_in import fade_in
from mammo_gan.synthesis.frames import FORMATS, Frame, frame_of, write_video
from mammo_gan.synthesis.mammograms import attributes_to_ask
from mammo_gan.synthesis.walk import closed, points_of, spherical, straight

WALK, FADE_IN = "walk", "fade_in"  # names of the files, which end as their format does
VIDEOS = "videos.json"  # how many frames each has, of which generator and seed


class Videos(Stage):
    """Two videos of a trained generator, and the first frame of each as a picture.

    The same seed gives the same frames. `walk` goes round a loop of points of noise, `fade_in` shows the first point
    grow as the schedule has it, from the start until the last stage has faded in.

    Args:
        schedule: makes the ProgressiveSchedule of the training.
        attributes: the schema that the generator was trained with.
        videos: `generator`: best, average or last; `images` side by side; `points` of the walk and `steps` from one to
            the next; `frames` of the fade-in; `attributes` that are asked for, null = as they go together in the
            training split; `interpolate` them from point to point, false = each image keeps its first point's; frames
            `per_second`, at most `height` px high; `format`: webp, png or gif.

    Raises:
        UserError: a number or the format is impossible, or an attribute is none that the generator knows.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        inputs: list[str],
        generator: DictConfig,
        attributes: DictConfig,
        schedule: DictConfig,
        videos: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.generator, self.schedule, self.videos, self.seed = generator, schedule, plain(videos), seed
        self.attributes: Attributes = instantiate(attributes, _convert_="all")
        for name, least in {"images": 1, "points": 2, "steps": 1, "frames": 2, "per_second": 1, "height": 1}.items():
            if self.videos[name] < least:
                raise UserError(f"videos.{name}={self.videos[name]}: expected {least} or more")
        if self.videos["format"] not in FORMATS:
            raise UserError(f"videos.format={self.videos['format']}: expected one of {', '.join(FORMATS)}")
        try:
            self.attributes.asked(1, **(self.videos["attributes"] or {}))
        except UserError as error:
            raise UserError(f"videos.attributes: {error}") from error

    def run(self, folder: Path, context: Context) -> None:
        prepared, trained = (context.inputs[name] for name in self.inputs)
        chosen = load_trained(self.generator, trained, self.videos["generator"])
        where = device(self.unkeyed.accelerator)
        generator: Any = chosen.network.to(where).eval()
        points = points_of(self.videos["points"], self.videos["images"], generator.latent, self.seed).to(where)
        asked = self._asked(ImageStore.open(prepared)).to(where) if generator.attributes else None
        frames = {
            WALK: (self._walk(generator, points, asked), self.videos["points"] * self.videos["steps"]),
            FADE_IN: (self._fade_in(generator, points[0], None if asked is None else asked[0]), self.videos["frames"]),
        }
        for name, (drawn, count) in frames.items():
            file = folder / f"{name}.{self.videos['format']}"
            shown = context.screen.progress(drawn, count, file.name)
            write_video(file, shown, per_second=self.videos["per_second"])
        counts = {name: count for name, (_, count) in frames.items()}
        write_json(folder / VIDEOS, {"generator": chosen.sha256, "seed": self.seed, "frames": counts})

    def _asked(self, store: ImageStore) -> Tensor:
        """(points, images, A): what is asked of each image at each point of the walk."""
        training = self.attributes.of_store(store, store.indices(TRAINED_ON))
        shape = self.videos["points"], self.videos["images"]
        asked = self.videos["attributes"] or {}
        values = attributes_to_ask(self.attributes, training, asked, shape[0] * shape[1], self.seed)
        return self.attributes.encoded(values).reshape(*shape, -1)

    def _walk(self, generator: Any, points: Tensor, asked: Tensor | None) -> Iterator[Frame]:
        if asked is not None and not self.videos["interpolate"]:
            asked = asked[:1].expand(len(points), -1, -1)
        steps, finest = self.videos["steps"], generator.stages - 1
        conditions = repeat(None, steps * len(points)) if asked is None else closed(asked, steps, straight)
        for z, encoded in zip(closed(points, steps, spherical), conditions, strict=True):
            yield frame_of(generator, z, encoded, stage=finest, alpha=1.0, height=self.videos["height"])

    def _fade_in(self, generator: Any, z: Tensor, encoded: Tensor | None) -> Iterator[Frame]:
        schedule: ProgressiveSchedule = instantiate(self.schedule, _convert_="all")
        seen = torch.linspace(0, schedule.grown(), self.videos["frames"], dtype=torch.float64).round().long().tolist()
        progress = [schedule.progress(images) for images in seen]
        return fade_in(generator, z, encoded, [(now.stage, now.alpha) for now in progress], self.videos["height"])
