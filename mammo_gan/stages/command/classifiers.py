"""Contradictions in an experiment that trains a classifier on k real patches and perhaps synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig

from mammo_gan.stages.command.pipeline import stages_of

CLASSIFIER, DRAWING = "train/classifier", "synthesize"


def find(cfg: DictConfig) -> Iterator[str]:
    """One sentence for each; none of an experiment without a classifier."""
    if CLASSIFIER not in stages_of(cfg):
        return
    yield from _counts(cfg)
    yield from _fold(cfg)
    yield from _size(cfg)


def _counts(cfg: DictConfig) -> Iterator[str]:
    if cfg.k is None or cfg.k < 1:
        yield f"k={cfg.k}: expected 1 or more"
    elif DRAWING in stages_of(cfg) and cfg.augmentation.synthetic_per_real * cfg.k < 1:
        yield (
            f"augmentation.synthetic_per_real={cfg.augmentation.synthetic_per_real:g} gives no synthetic patch for "
            f"k={cfg.k}; choose a larger one, or a mode without a GAN"
        )
    for key in ("batch_size", "epochs", "validate_every"):
        if cfg.downstream.training[key] < 1:
            yield f"downstream.training.{key}={cfg.downstream.training[key]}: expected 1 or more"


def _fold(cfg: DictConfig) -> Iterator[str]:
    if "folds" not in cfg.split:
        yield f"fold={cfg.fold}: {cfg.name} compares folds over patients; leave the choice of split out (split=folds)"
    elif not 0 <= cfg.fold < cfg.split.folds:
        yield f"fold={cfg.fold}: expected 0 to {cfg.split.folds - 1} (split.folds)"


def _size(cfg: DictConfig) -> Iterator[str]:
    layers, size = len(cfg.downstream.classifier.network.channels), cfg.method.image_size
    reached = cfg.growth.smallest * 2**layers
    if size != reached:
        yield (
            f"method.image_size={size}: a classifier of {layers} layers (downstream.classifier.network.channels) is "
            f"for {reached} px; change one of the two"
        )
