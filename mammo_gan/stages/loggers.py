"""Loggers by configuration: W&B without an account, TensorBoard if asked for."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from mammo_gan.errors import UserError


def build(logger: DictConfig, folder: Path, run_folder: Path, name: str, config: dict[str, Any]) -> list[Logger]:
    """The loggers beside metrics.csv. `config` is what W&B shows of the settings: no paths, no identifiers."""
    built: list[Logger] = []
    if logger.wandb is not None:
        built.append(_wandb(logger.wandb, folder, run_folder, name, config))
    if logger.tensorboard:
        built.append(_tensorboard(run_folder))
    return built


def _wandb(settings: DictConfig, folder: Path, run_folder: Path, name: str, config: dict[str, Any]) -> WandbLogger:
    os.environ.setdefault("WANDB_SILENT", "true")  # read when wandb is imported
    import wandb

    logger = WandbLogger(
        project=settings.project,
        entity=settings.entity,
        name=f"{name} {folder.name}",
        id=_run_id(folder),
        resume="allow",
        save_dir=run_folder,
        offline=not _has_wandb_key(),
        config=config,
        settings=wandb.Settings(
            silent=True,
            host="mammo_gan",  # the machine's own name stays here
            root_dir=str(run_folder),
            disable_git=True,
            disable_code=True,
            disable_job_creation=True,
            console="off",
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        ),
    )
    logger.experiment.define_metric("*", step_metric="images_seen")
    return logger


def _run_id(folder: Path) -> str:
    """One W&B run for one training, however often it is resumed."""
    file = folder / "wandb.id"
    if not file.exists():
        file.write_text(os.urandom(8).hex(), encoding="ascii")
    return file.read_text(encoding="ascii")


def _has_wandb_key() -> bool:
    if os.environ.get("WANDB_MODE") == "offline":
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _tensorboard(run_folder: Path) -> TensorBoardLogger:
    try:
        return TensorBoardLogger(run_folder, name="tensorboard", version="")
    except ModuleNotFoundError:
        raise UserError(
            "logger=tensorboard: TensorBoard isn't installed. Try: pip install 'mammo-gan[tensorboard]'"
        ) from None
