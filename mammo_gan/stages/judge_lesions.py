"""evaluate, for a folder of images that another program made: they and real patches -> values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mammo_gan.data.image_store import ImageStore
from mammo_gan.errors import UserError
from mammo_gan.stages.evaluate_lesions import EvaluateLesions, Patches
from mammo_gan.stages.stage import Context
from mammo_gan.synthesis.image_folder import ImageFolder

JUDGED = "judged"  # in the values' file: what may be said of the folder


class JudgeLesions(EvaluateLesions):
    """As `EvaluateLesions`, of the folder `unkeyed.images`; what it holds is part of the key, where it lies is not."""

    version: ClassVar[int] = 1

    def fingerprint(self) -> str:
        return self._folder().sha256()

    def synthetic(self, store: ImageStore, context: Context) -> tuple[Patches, dict[str, Any]]:
        made, shape = self._folder(), store.sizes[0]
        others = {size: count for size, count in made.sizes.items() if size != shape}
        if others:
            sizes = ", ".join(f"{count:,} of {height}x{width}" for (height, width), count in sorted(others.items()))
            context.screen.say(
                f"images: {sum(others.values()):,} of {len(made):,} are resized to {shape[0]}x{shape[1]} px: {sizes}"
            )
        for number in context.screen.progress(range(len(made)), len(made), "reading images"):
            made.image(number, shape)  # a broken one is told of now, and not after the features of half of them
        said = {"images": len(made), "sha256": made.sha256(), "resized": sum(others.values())}
        return Patches(len(made), lambda number: made.image(number, shape)), {JUDGED: said}

    def _folder(self) -> ImageFolder:
        if self.unkeyed.images is None:
            raise UserError("images=null: expected the folder of images to be judged; add images=FOLDER")
        return ImageFolder(Path(str(self.unkeyed.images)).expanduser())
