"""train/classifier: real and perhaps synthetic patches -> a classifier, with its checkpoints and metrics."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan.callbacks.best import Best
from mammo_gan.callbacks.checkpoint_files import BEST
from mammo_gan.callbacks.validation import AUC_NAME, F1_NAME, Validation
from mammo_gan.data.classes import NEGATIVE, POSITIVE
from mammo_gan.data.classified import ClassifiedData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.downstream.classifier import Classifier
from mammo_gan.errors import UserError
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.synthesize import TRAINED_ON
from mammo_gan.stages.training import fitting, lengths, memory, trained
from mammo_gan.stages.training.devices import Devices
from mammo_gan.stages.training.rollbacks import Rollbacks
from mammo_gan.synthesis.reading import SyntheticSet

CLASSIFIER = "classifier.safetensors"  # the network's weights, of the best iteration
VALIDATION_BATCH = 256  # images at once; without gradients they need little memory


class TrainClassifier(Stage):
    """Trains a classifier and keeps the network of its best validation F1 or AUC, of equal ones the earliest.

    An interrupted training goes on from its newest whole checkpoint. It is a small network on few images, so it trains
    in one process, however many a GAN's training has.

    Args:
        inputs: the prepared patches and, if it is to learn from synthetic ones too, these.
        classifier: makes the Classifier.
        training: `batch_size`, `epochs`, `validate_every` so many batches, and `best`, the value by which the best
            network is chosen: validation/f1 or validation/auc.
        data: makes the ClassifiedData from a store, `batch_size`, `seed`, `workers` and `synthetic`.
    """

    version: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    def __init__(
        self,
        inputs: list[str],
        classifier: DictConfig,
        training: DictConfig,
        data: DictConfig,
        divergence: DictConfig,
        precision: str,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.classifier, self.training, self.data = classifier, training, data
        self.divergence, self.precision, self.seed = divergence, precision, seed
        self.devices = Devices.alone(plain(unkeyed.trainer))

    def run(self, folder: Path, context: Context) -> None:
        if self.unkeyed.resume == "none":
            fitting.set_aside(folder, context)
        self.devices.require()
        data = self._data(context)
        self._require_best(data)
        iterations = lengths.iterations_of(self.training, {}, data)
        validation = Validation(list(data.evaluated("val", VALIDATION_BATCH)), self.training.validate_every, iterations)
        fit = partial(self._fit, folder, context, data, validation)
        shortage = partial(memory.shortage, self.training.batch_size, self.devices, in_parts=False)
        fitting.to_the_end(folder, context, self.divergence, fit, shortage)

    def _require_best(self, data: ClassifiedData) -> None:
        """Refuse a value that there won't be before it is waited for."""
        if self.training.best not in (F1_NAME, AUC_NAME):
            raise UserError(f"downstream.training.best={self.training.best}: expected {F1_NAME} or {AUC_NAME}")
        labels = data.labelled("val").labels
        if self.training.best == AUC_NAME and labels.min() == labels.max():
            raise UserError(
                f"downstream.training.best={AUC_NAME}: the validation split has {len(labels)} patches, all of one "
                f"class, and so no AUC. Prepare with more patients or another split.seed, or choose {F1_NAME}"
            )

    def _fit(
        self,
        folder: Path,
        context: Context,
        data: ClassifiedData,
        validation: Validation,
        checkpoint: Path | None,
        rollbacks: Rollbacks,
    ) -> None:
        pl.seed_everything(self.seed, verbose=False)
        classifier: Classifier = instantiate(self.classifier, _convert_="all")
        classifier.log_every = self.unkeyed.callbacks.log_every
        classifier.learning_rate_factor = rollbacks.learning_rate_factor
        callbacks = fitting.callbacks_around(
            [validation],
            folder,
            context,
            validation.iterations,
            self.divergence,
            self.unkeyed.callbacks,
            Best(self.training.best, "max"),
        )
        settings = self.devices.trainer_settings()
        trainer = pl.Trainer(**settings, logger=False, callbacks=callbacks, default_root_dir=folder)
        config = {"classifier": plain(self.classifier), "training": plain(self.training), "seed": self.seed}
        trainer.loggers = fitting.loggers_of(self.unkeyed, folder, context, config)
        fitting.fit(trainer, classifier, data, checkpoint, validation.iterations, folder)
        best = folder / fitting.CHECKPOINTS / BEST
        trained.write_best(best, folder / CLASSIFIER, "network")
        described = trained.described(folder, classifier, trainer, self.precision, rollbacks.made)
        images = {
            "positive": int((data.real.labels == POSITIVE).sum()),
            "negative": int((data.real.labels == NEGATIVE).sum()),
            "synthetic": len(data.generated),
        }
        parameters = {"classifier": trained.count(classifier.network)}
        write_json(
            folder / trained.TRAINING, {**described, "best": _kept(best), "images": images, "parameters": parameters}
        )

    def _data(self, context: Context) -> ClassifiedData:
        prepared, *made = (context.inputs[name] for name in self.inputs)
        synthetic = SyntheticSet(made[0]) if made else None
        if synthetic is not None:
            synthetic.require_trained_on(TRAINED_ON)
        data: ClassifiedData = instantiate(self.data, _convert_="all")(
            ImageStore.open(prepared),
            batch_size=self.training.batch_size,
            seed=self.seed,
            workers=self.unkeyed.callbacks.workers,
            synthetic=synthetic,
        )
        return data


def _kept(checkpoint: Path) -> dict[str, str | float]:
    """The best iteration and its value, as the callback that keeps it has noted."""
    callbacks = torch.load(checkpoint, map_location="cpu", weights_only=True)["callbacks"]
    (noted,) = (state["best"] for state in callbacks.values() if "best" in state)
    return {name: noted[name] for name in ("metric", "value", "iteration")}
