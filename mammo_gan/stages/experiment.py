"""An experiment: its stages in order, each made once and found again by its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo_gan import weights
from mammo_gan.archives import identity
from mammo_gan.errors import UserError
from mammo_gan.interruption import Interruption
from mammo_gan.stages import parallel, run_folder
from mammo_gan.stages.command import targets
from mammo_gan.stages.command.pipeline import stages_of
from mammo_gan.stages.screen import Screen
from mammo_gan.stages.stage import Context, Stage, describe, is_whole, key, make


@dataclass(frozen=True)
class Instance:
    """A stage of this experiment with the folder that its output has, or will have."""

    name: str
    stage: Stage
    key: str
    folder: Path


def plan(cfg: DictConfig, folder: Path) -> dict[str, Instance]:
    """All stages of the experiment with their keys, in order; none of them runs. `folder` is the run folder."""
    _settle_weights(cfg)
    targets.check(cfg)
    return _instances(cfg, folder)


def chosen(cfg: DictConfig) -> list[str]:
    """The stages that are to run: those that `cfg.stages` names, or all."""
    return [name for name in stages_of(cfg) if cfg.stages is None or name in cfg.stages]


def run(
    cfg: DictConfig,
    folder: Path,
    overrides: Sequence[str],
    screen: Screen,
    interruption: Interruption,
    planned: Mapping[str, Instance] | None = None,
) -> dict[str, Path]:
    """Run the experiment's stages, or those that `cfg.stages` names.

    Args:
        cfg: the composed configuration.
        folder: the run folder.
        overrides: of the command line, for the record.
        interruption: asked by stages that can end at a good moment.
        planned: what `plan` found, for who asked it already.

    Returns:
        Each stage's folder, also of those that were not run.

    Raises:
        UserError: anything that a user can mend.
        Interrupted: the run was told to end; the same command goes on.
    """
    parallel.check_origin(cfg.prepare.scheduler, overrides)
    workers = parallel.Workers(cfg.prepare.backend, cfg.prepare.scheduler)
    instances = plan(cfg, folder) if planned is None else planned
    _try_weights(cfg, chosen(cfg))
    run_folder.describe(folder, cfg, overrides)
    identity_key = identity.load_key(Path(cfg.paths.identity_key))
    made: set[str] = set()
    for instance in (instances[name] for name in chosen(cfg)):
        inputs = {needed: _whole(instances[needed], cfg) for needed in instance.stage.inputs}
        context = Context(
            folder, instance.name, inputs, frozenset(made), identity_key, cfg.jobs, screen, interruption, workers
        )
        if _make(instance, context):
            made.add(instance.name)
    return {name: instance.folder for name, instance in instances.items()}


def _settle_weights(cfg: DictConfig) -> None:
    """Say which weights are meant before keys are made of the settings: what `auto` finds, a file's checksum."""
    try:
        needed = {name for node in stages_of(cfg).values() for name in needed_weights(node)}
    except OmegaConfBaseException:
        return  # a reference that leads nowhere; `targets.check` says which
    for name, find in (("vgg19", weights.find), ("inception", weights.find_inception)):
        if name in needed and cfg.weights[name] == "auto":
            cfg.weights[name] = find()
    for source, sha256 in (("vgg19", "sha256"), ("inception", "inception_sha256")):
        file = Path(cfg.weights[source])
        if cfg.weights[sha256] is None and file.is_file():
            cfg.weights[sha256] = weights.checksum(file)


def _try_weights(cfg: DictConfig, chosen: Sequence[str]) -> None:
    """Load the weights once that a stage will need: better to miss them now than after hours of preparation."""
    needed = {name for stage in chosen for name in needed_weights(cfg.pipeline[stage])}
    if "vgg19" in needed:
        weights.vgg19_features(cfg.weights.vgg19, cfg.weights.sha256)
    if "inception" in needed:
        weights.inception_weights(cfg.weights.inception, cfg.weights.inception_sha256)


def needed_weights(node: DictConfig) -> set[str]:
    """Which of vgg19 and inception a stage's settings speak of: by that name, or by what builds the network."""
    built = {"vgg19_features": "vgg19", "inception_weights": "inception"}
    leaves = targets.leaves(OmegaConf.to_container(node, resolve=True))
    settings = [(key.rpartition(".")[2], value) for key, value in leaves]
    named = {name for name, _ in settings if name in built.values()}
    made = {str(value).rpartition(".")[2] for name, value in settings if name == "_target_"}
    return named | {built[name] for name in made & built.keys()}


def _instances(cfg: DictConfig, folder: Path) -> dict[str, Instance]:
    instances: dict[str, Instance] = {}
    # A cluster's workers were started in folders of their own.
    stages = Path(cfg.paths.stages).absolute() if cfg.prepare.scheduler is not None else Path(cfg.paths.stages)
    for name, node in stages_of(cfg).items():
        stage = _built(node)
        stage_key = key(stage, node, {needed: instances[needed].key for needed in stage.inputs})
        place = stages / name.replace("/", "-") / stage_key
        instances[name] = Instance(name, stage, stage_key, place if stage.shared else folder)
    return instances


def _make(instance: Instance, context: Context) -> bool:
    if not instance.stage.shared:
        instance.stage.run(instance.folder, context)
        return True
    ran = make(instance.stage, instance.key, instance.folder, context)
    said = f"done in {describe(instance.folder)['seconds']:.1f} s" if ran else "already there"
    context.screen.say(f"{instance.name}: {said}, {instance.folder}")
    return ran


def _whole(instance: Instance, cfg: DictConfig) -> Path:
    if not is_whole(instance.folder):
        needed = [name for name in stages_of(cfg) if name == instance.name or name in (cfg.stages or [])]
        raise UserError(
            f"stage {instance.name} has not been made for these settings: looked in {instance.folder}. "
            f"Add it, as in stages=[{','.join(needed)}], or leave stages= out"
        )
    return instance.folder


def _built(node: DictConfig) -> Stage:
    """A stage from its settings; what a user can mend about them comes out of Hydra's wrapping."""
    try:
        stage: Stage = instantiate(node, _recursive_=False)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from None  # from `error`, whose cause it is, the two would be each other's
    return stage
