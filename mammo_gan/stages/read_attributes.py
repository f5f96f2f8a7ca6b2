"""read/attributes: do synthetic mammograms show what they were asked for? A network that reads real ones tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig
from safetensors.torch import load_file, save_file

from mammo_gan.archives.records import SplitName
from mammo_gan.data.attribute_images import AttributeImages
from mammo_gan.data.attributes import Attributes
from mammo_gan.data.image_store import ImageStore
from mammo_gan.downstream.attribute_reader import AttributeReader
from mammo_gan.errors import UserError
from mammo_gan.evaluation.attribute_reading import compare
from mammo_gan.evaluation.reading_off import COLUMNS, as_asked, read_off
from mammo_gan.stages.evaluate import VALUES
from mammo_gan.stages.stage import Context, Stage, plain, write_json
from mammo_gan.stages.synthesize import device
from mammo_gan.stages.training import fitting, lengths, memory, trained
from mammo_gan.stages.training.devices import Devices
from mammo_gan.stages.training.rollbacks import Rollbacks
from mammo_gan.synthesis.layout import write_table
from mammo_gan.synthesis.reading import SyntheticSet

READER = "reader.safetensors"  # the network's weights, as the training left them
READINGS = "readings.csv"
JUDGED_AT_ONCE = 64  # images
REAL: SplitName = "val"  # which neither the generator nor the reader was trained on


class ReadAttributes(Stage):
    """Trains a reader of attributes on real training images, and lets it read validation images and synthetic ones.

    The last network is taken, so that validation images choose nothing. It trains in one process, as a small network
    does; an interrupted training goes on from its newest whole checkpoint.

    Args:
        inputs: the prepared images and the synthetic ones.
        attributes: the schema that the generator was trained with; its categories are read.
        reader: makes the AttributeReader, given `categories`.
        reading: `size` [height, width] px of what it reads, one of the prepared; `training`: `batch_size` and `epochs`;
            `resamples` for the intervals.
    """

    version: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    def __init__(
        self,
        inputs: list[str],
        attributes: DictConfig,
        reader: DictConfig,
        reading: DictConfig,
        divergence: DictConfig,
        precision: str,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.attributes: Attributes = instantiate(attributes, _convert_="all")
        if not self.attributes.categorical:
            raise UserError("method.attributes.categorical is empty: expected an attribute to read, such as view")
        self.reader, self.reading, self.divergence = reader, plain(reading), divergence
        self.precision, self.seed = precision, seed
        self.categories = {name: len(known) for name, known in self.attributes.categorical.items()}
        self.devices = Devices.alone(plain(unkeyed.trainer))

    def run(self, folder: Path, context: Context) -> None:
        if self.unkeyed.resume == "none":
            fitting.set_aside(folder, context)
        self.devices.require()
        prepared, made = (context.inputs[name] for name in self.inputs)
        training = self.reading["training"]
        data = AttributeImages(
            ImageStore.open(prepared),
            tuple(self.reading["size"]),
            self.attributes,
            training["batch_size"],
            self.seed,
            self.unkeyed.callbacks.workers,
        )
        synthetic = SyntheticSet(made)
        if not (folder / READER).is_file():
            fit = partial(self._fit, folder, context, data, lengths.iterations_of(training, {}, data))
            shortage = partial(memory.shortage, training["batch_size"], self.devices, in_parts=False)
            fitting.to_the_end(folder, context, self.divergence, fit, shortage)
        self._judge(folder, context, data, synthetic)

    def _fit(
        self,
        folder: Path,
        context: Context,
        data: AttributeImages,
        iterations: int,
        checkpoint: Path | None,
        rollbacks: Rollbacks,
    ) -> None:
        pl.seed_everything(self.seed, verbose=False)
        reader = self._reader()
        reader.log_every = self.unkeyed.callbacks.log_every
        reader.learning_rate_factor = rollbacks.learning_rate_factor
        callbacks = fitting.callbacks_around(
            [], folder, context, iterations, self.divergence, self.unkeyed.callbacks, None
        )
        settings = self.devices.trainer_settings()
        trainer = pl.Trainer(**settings, logger=False, callbacks=callbacks, default_root_dir=folder)
        config = {"reader": plain(self.reader), "reading": self.reading, "seed": self.seed}
        trainer.loggers = fitting.loggers_of(self.unkeyed, folder, context, config)
        fitting.fit(trainer, reader, data, checkpoint, iterations, folder)
        described = trained.described(folder, reader, trainer, self.precision, rollbacks.made)
        write_json(folder / trained.TRAINING, {**described, "images": data.training_images})
        weights = {name: value.cpu().contiguous() for name, value in reader.network.state_dict().items()}
        save_file(weights, folder / READER)

    def _judge(self, folder: Path, context: Context, data: AttributeImages, synthetic: SyntheticSet) -> None:
        reader = self._reader()
        reader.network.load_state_dict(load_file(folder / READER))
        reader.to(device(self.unkeyed.trainer.accelerator)).eval()
        patients: list[str] = data.store.column("patient_key")[data.known(REAL)].tolist()
        made = [record.image for record in synthetic.records]
        asked = as_asked(synthetic, self.attributes, data.size, JUDGED_AT_ONCE)
        groups = {"real": (data.judged(REAL, JUDGED_AT_ONCE), patients), "synthetic": (asked, made)}
        values: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for images, (batches, owners) in groups.items():
            count = -(-len(owners) // JUDGED_AT_ONCE)
            shown = context.screen.progress(batches, count, f"reading {images} images")
            for readings in read_off(reader, shown, self.attributes.categorical):
                rows += readings.rows(images)
                values += compare(images, readings, owners, resamples=self.reading["resamples"], seed=self.seed)
        write_table(folder / READINGS, COLUMNS, rows)
        nothing = {"name": "not used", "random": False}  # no pretrained network takes part
        counts = {name: len(owners) for name, (_, owners) in groups.items()}
        write_json(folder / VALUES, {"values": values, "weights": nothing, "images": counts})

    def _reader(self) -> AttributeReader:
        reader: AttributeReader = instantiate(self.reader, _convert_="all")(categories=self.categories)
        return reader
