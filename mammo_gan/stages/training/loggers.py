"""Loggers by configuration: W&B without an account, TensorBoard if asked for."""

from __future__ import annotations

import logging
import netrc
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from mammo_gan.errors import UserError
from mammo_gan.stages.training.dashboard import BackgroundWandbLogger
from mammo_gan.stages.training.wandb_parts import Parts

if TYPE_CHECKING:
    from wandb import Run

log = logging.getLogger(__name__)


def build(
    logger: DictConfig,
    folder: Path,
    run_folder: Path,
    name: str,
    config: dict[str, Any],
    say: Callable[[str], None] = log.warning,
) -> list[Logger]:
    """The loggers beside metrics.csv. `config` is what W&B shows of the settings, files by their names alone."""
    built: list[Logger] = []
    if logger.wandb is not None:
        built.append(_wandb(logger.wandb, folder, run_folder, name, config, say))
    if logger.tensorboard:
        built.append(_tensorboard(run_folder))
    return built


def finish(used: Sequence[Logger]) -> None:
    """Close W&B's run when its training is over; the stages after it have nothing to log.

    Called while an exception is on its way, it marks the run as failed.
    """
    for logger in used:
        if isinstance(logger, BackgroundWandbLogger):
            logger.finish()


def _wandb(
    settings: DictConfig,
    folder: Path,
    run_folder: Path,
    name: str,
    config: dict[str, Any],
    say: Callable[[str], None],
) -> BackgroundWandbLogger:
    parts = Parts(folder)

    def open_run(online: bool) -> Run:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # what goes wrong here isn't reported to W&B
        import wandb

        wandb.setup(wandb.Settings(silent=True))
        run = wandb.init(
            project=settings.project,
            entity=settings.entity,
            name=f"{name} {folder.name}",
            id=parts.run_id(),
            resume="allow",
            dir=run_folder,
            mode="online" if online else "offline",
            config=without_folders(config),
            settings=wandb.Settings(
                silent=True,
                host="mammo_gan",  # the machine's own name stays here
                root_dir=str(run_folder),
                disable_git=True,
                disable_code=True,
                disable_job_creation=True,
                console="off",
                login_timeout=settings.wait_seconds,
                init_timeout=settings.wait_seconds,
                finish_timeout=settings.wait_seconds,
                finish_timeout_raises=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
                x_transaction_log_flush_interval=1.0,  # seconds of rows that a kill may take
            ),
        )
        run.define_metric("*", step_metric="images_seen")
        return run

    return BackgroundWandbLogger(open_run, parts, has_wandb_key(), settings.wait_seconds, say)


def without_folders(settings: Any) -> Any:
    """The same settings with every path cut down to its last part: folders can name people and projects."""
    if isinstance(settings, dict):
        return {name: without_folders(value) for name, value in settings.items()}
    if isinstance(settings, list):
        return [without_folders(value) for value in settings]
    return PurePath(settings).name if isinstance(settings, str) and "/" in settings else settings


def has_wandb_key() -> bool:
    """Whether a run can be sent: W&B isn't switched off, and there is a key for its server."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        return host is not None and netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _tensorboard(run_folder: Path) -> TensorBoardLogger:
    try:
        return TensorBoardLogger(run_folder, name="tensorboard", version="")
    except ModuleNotFoundError:
        raise UserError(
            "logger=tensorboard: TensorBoard isn't installed. Try: pip install 'mammo-gan[tensorboard]'"
        ) from None
