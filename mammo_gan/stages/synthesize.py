"""synthesize: a trained generator and real patches -> synthetic patches, written as records."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import ClassVar

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from safetensors.torch import load_file
from torch import nn

from mammo_gan.archives.records import SplitName
from mammo_gan.data.store import PatchStore
from mammo_gan.stages.prepare import PREPARATION
from mammo_gan.stages.stage import Context, Stage
from mammo_gan.stages.training.trained import GENERATOR, GENERATOR_AVERAGE
from mammo_gan.synthesis.exchange import plan_examples, plan_exchange
from mammo_gan.synthesis.infill import infill
from mammo_gan.synthesis.writing import write_examples, write_set

EXAMPLES = "examples"
TRAINED_ON: SplitName = "train"


class Synthesize(Stage):
    """The paper's exchange of lesions: a set from the training split, and examples on patches not seen before."""

    version: ClassVar[int] = 2

    def __init__(
        self,
        inputs: list[str],
        generator: DictConfig,
        synthesis: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.generator, self.synthesis, self.seed = generator, synthesis, seed

    def run(self, folder: Path, context: Context) -> None:
        prepared, trained = (context.inputs[name] for name in self.inputs)
        store = PatchStore.open(prepared)
        weights = trained / (GENERATOR_AVERAGE if self.synthesis.averaged else GENERATOR)
        model: nn.Module = instantiate(self.generator, _convert_="all")
        model.load_state_dict(load_file(weights))
        made = {
            "batch_size": self.synthesis.batch_size,
            "device": device(self.unkeyed.accelerator),
            "composite": self.synthesis.composite,
            "progress": context.screen.progress,
        }
        plan = plan_exchange(
            store,
            split=TRAINED_ON,
            malignant=self.synthesis.malignant,
            non_malignant=self.synthesis.non_malignant,
            seed=self.seed,
        )
        write_set(
            folder,
            infill(model, store, plan, **made),
            store,
            archive=json.loads((prepared / PREPARATION).read_text(encoding="utf-8"))["archive"],
            generator=hashlib.sha256(weights.read_bytes()).hexdigest(),
            trained_on=TRAINED_ON,
        )
        examples = plan_examples(
            store, contexts=("test", "val"), masks=TRAINED_ON, count=self.synthesis.examples, seed=self.seed
        )
        write_examples(folder / EXAMPLES, infill(model, store, examples, **made), store)


def device(accelerator: str) -> torch.device:
    """The device of a trainer's accelerator, for stages that have no trainer."""
    wants_gpu = accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if wants_gpu else "cpu")
