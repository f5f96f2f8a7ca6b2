"""An experiment: its stages in order, each made once and found again by its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from mammo_gan import weights
from mammo_gan.archives import identity
from mammo_gan.errors import UserError
from mammo_gan.stages import run_folder
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, Stage, describe, is_whole, key, make


@dataclass(frozen=True)
class Instance:
    """A stage of this experiment with the folder that its output has, or will have."""

    name: str
    stage: Stage
    key: str
    folder: Path


def run(cfg: DictConfig, folder: Path, overrides: Sequence[str], screen: Screen) -> dict[str, Path]:
    """Run the experiment's stages, or those that `cfg.stages` names.

    Args:
        cfg: the composed configuration.
        folder: the run folder.
        overrides: of the command line, for the record.

    Returns:
        Each stage's folder, also of those that were not run.

    Raises:
        UserError: anything that a user can mend.
    """
    chosen = list(cfg.stages) if cfg.stages is not None else list(cfg.pipeline)
    _settle_weights(cfg)
    instances = _instances(cfg, folder)
    _try_weights(cfg, chosen)
    run_folder.describe(folder, cfg, overrides)
    identity_key = identity.load_key(Path(cfg.paths.identity_key))
    made: set[str] = set()
    for instance in (instances[name] for name in cfg.pipeline if name in chosen):
        inputs = {needed: _whole(instances[needed], cfg) for needed in instance.stage.inputs}
        if _make(instance, Context(folder, inputs, frozenset(made), identity_key, cfg.jobs, screen)):
            made.add(instance.name)
    return {name: instance.folder for name, instance in instances.items()}


def _settle_weights(cfg: DictConfig) -> None:
    """Say which weights are meant before keys are made of the settings: what `auto` finds, a file's checksum."""
    if cfg.weights.vgg19 == "auto":
        cfg.weights.vgg19 = weights.find()
    file = Path(cfg.weights.vgg19)
    if cfg.weights.sha256 is None and file.is_file():
        cfg.weights.sha256 = weights.checksum(file)


def _try_weights(cfg: DictConfig, chosen: Sequence[str]) -> None:
    """Load the weights once if a stage will need them: better to miss them now than after hours of preparation."""
    if any("weights" in cfg.pipeline[name] or "method" in cfg.pipeline[name] for name in chosen):
        weights.vgg19_features(cfg.weights.vgg19, cfg.weights.sha256)


def _instances(cfg: DictConfig, folder: Path) -> dict[str, Instance]:
    """All stages of the experiment with their keys, in order; none of them runs."""
    instances: dict[str, Instance] = {}
    for name, node in cfg.pipeline.items():
        stage: Stage = instantiate(node, _recursive_=False)
        stage_key = key(stage, node, {needed: instances[needed].key for needed in stage.inputs})
        place = Path(cfg.paths.stages) / name.replace("/", "-") / stage_key
        instances[name] = Instance(name, stage, stage_key, place if stage.shared else folder)
    return instances


def _make(instance: Instance, context: Context) -> bool:
    name, screen = instance.name, context.screen
    if not instance.stage.shared:
        instance.stage.run(instance.folder, context)
        return True
    ran = make(name, instance.stage, instance.key, instance.folder, context)
    said = f"done in {describe(instance.folder)['seconds']:.1f} s" if ran else "already there"
    screen.say(f"{name}: {said}, {instance.folder}")
    return ran


def _whole(instance: Instance, cfg: DictConfig) -> Path:
    if not is_whole(instance.folder):
        needed = [name for name in cfg.pipeline if name == instance.name or name in (cfg.stages or [])]
        raise UserError(
            f"stage {instance.name} has not been made for these settings: looked in {instance.folder}. "
            f"Add it, as in stages=[{','.join(needed)}], or leave stages= out"
        )
    return instance.folder
