"""A row of values that a callback has measured, for other callbacks and for the loggers."""

from __future__ import annotations

from collections.abc import Mapping

import pytorch_lightning as pl

from mammo_gan.callbacks.counting import images_seen_of, iterations_of


def log_row(trainer: pl.Trainer, pl_module: pl.LightningModule, values: Mapping[str, float]) -> None:
    """Log `values` with the method's counts, as GanMethod logs its own."""
    pl_module.log_dict(dict(values), logger=False)  # for callbacks; Lightning's way to the loggers rounds the counts
    counts = {"iteration": iterations_of(pl_module), "images_seen": images_seen_of(pl_module)}
    for logger in trainer.loggers:
        logger.log_metrics({**counts, **values}, step=counts["iteration"])
