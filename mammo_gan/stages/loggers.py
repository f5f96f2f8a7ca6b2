"""Loggers by configuration: W&B without an account, TensorBoard if asked for."""

from __future__ import annotations

import netrc
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from mammo_gan.errors import UserError


def build(logger: DictConfig, folder: Path, run_folder: Path, name: str, config: dict[str, Any]) -> list[Logger]:
    """The loggers beside metrics.csv. `config` is what W&B shows of the settings, files by their names alone."""
    built: list[Logger] = []
    if logger.wandb is not None:
        built.append(_wandb(logger.wandb, folder, run_folder, name, config))
    if logger.tensorboard:
        built.append(_tensorboard(run_folder))
    return built


def finish(used: Sequence[Logger]) -> None:
    """Close W&B's run when its training is over; the stages after it have nothing to log."""
    for logger in used:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _wandb(settings: DictConfig, folder: Path, run_folder: Path, name: str, config: dict[str, Any]) -> WandbLogger:
    import wandb

    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        name=f"{name} {folder.name}",
        id=_run_id(folder),
        resume="allow",
        dir=run_folder,
        mode="online" if _has_wandb_key() else "offline",
        config=without_folders(config),
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
    run.define_metric("*", step_metric="images_seen")
    return WandbLogger(experiment=run)


def without_folders(settings: Any) -> Any:
    """The same settings with every path cut down to its last part: folders can name people and projects."""
    if isinstance(settings, dict):
        return {name: without_folders(value) for name, value in settings.items()}
    if isinstance(settings, list):
        return [without_folders(value) for value in settings]
    return PurePath(settings).name if isinstance(settings, str) and "/" in settings else settings


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
