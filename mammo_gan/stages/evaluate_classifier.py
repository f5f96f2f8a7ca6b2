"""evaluate, for a classifier: test patches -> scores of each, and values."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from safetensors.torch import load_file
from torch import nn

from mammo_gan.archives.splits import SPLITS
from mammo_gan.data.classes import NEGATIVE, POSITIVE
from mammo_gan.data.classified import ClassifiedData
from mammo_gan.data.image_store import ImageStore
from mammo_gan.evaluation import classification
from mammo_gan.stages.evaluate import VALUES
from mammo_gan.stages.stage import Context, Stage, write_json
from mammo_gan.stages.synthesize import device
from mammo_gan.stages.train_classifier import CLASSIFIER

SCORES = "scores.csv"  # patient (a keyed hash), label (1 = positive), score (probability of positive)
LABELS = {"lesion": {POSITIVE: "lesion", NEGATIVE: "normal"}, "malignant": {POSITIVE: "malignant", NEGATIVE: "benign"}}


class EvaluateClassifier(Stage):
    """Does a classifier tell the test patients' patches apart: F1, precision, recall and AUC.

    Args:
        network: the classifier's.
        data: makes the ClassifiedData from a store, `batch_size` and `seed`, with the training's classes and k.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        inputs: list[str],
        network: DictConfig,
        data: DictConfig,
        evaluation: DictConfig,
        seed: int,
        unkeyed: DictConfig,
    ) -> None:
        super().__init__(inputs, unkeyed)
        self.network, self.data, self.evaluation, self.seed = network, data, evaluation, seed

    def run(self, folder: Path, context: Context) -> None:
        prepared, trained = (context.inputs[name] for name in self.inputs)
        data: ClassifiedData = instantiate(self.data, _convert_="all")(
            ImageStore.open(prepared), batch_size=1, seed=self.seed
        )
        network: nn.Module = instantiate(self.network, _convert_="all")
        network.load_state_dict(load_file(trained / CLASSIFIER))
        scores, labels = self._scores(network, data, context)
        patients = data.patients("test")
        with (folder / SCORES).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("patient", "label", "score"))
            rows.writerows(zip(patients, labels.tolist(), scores.tolist(), strict=True))
        values = classification.compare(scores, labels, patients, resamples=self.evaluation.resamples, seed=self.seed)
        nothing = {"name": "not used", "random": False}  # no pretrained network takes part
        write_json(folder / VALUES, {"values": values, "weights": nothing, "patches": list(_counts(data))})

    def _scores(
        self, network: nn.Module, data: ClassifiedData, context: Context
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(N,) probabilities and (N,) labels of the test patches."""
        where, size = device(self.unkeyed.accelerator), self.evaluation.batch_size
        network.to(where).eval()
        batches = -(-len(data.labelled("test")) // size)
        scores, labels = [], []
        for batch in context.screen.progress(data.evaluated("test", size), batches, "judging test patches"):
            with torch.inference_mode():
                logits = network(batch.image.to(where))
            # In double precision, or sure ones would be ties at 1.
            scores.append(torch.sigmoid(logits.double()).cpu().numpy())
            labels.append(batch.label.numpy())
        return np.concatenate(scores), np.concatenate(labels)


def _counts(data: ClassifiedData) -> Iterator[dict[str, Any]]:
    """Real patches of each split and class, with how many patients and images they are of."""
    patients, images = (data.store.column(name) for name in ("patient_key", "image_key"))
    for split in SPLITS:
        held = data.labelled(split)
        for label, name in LABELS[data.classes.positive].items():
            members = held.indices[held.labels == label]
            yield {
                "split": split,
                "label": name,
                "patients": len(set(patients[members])),
                "images": len(set(images[members])),
                "patches": len(members),
            }
