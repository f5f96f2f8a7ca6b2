"""Settings that are each right and can't be together, said before any work."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig

from mammo_gan.stages.command import classifiers, growing
from mammo_gan.stages.command.pipeline import stages_of, unmet

STARTED_BY = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")  # torchrun's and srun's number of processes


def find(cfg: DictConfig) -> list[str]:
    """One sentence for each contradiction of a composed configuration; empty when it can run."""
    if cfg.name is None:
        return ["no experiment was chosen: add experiment=NAME (`--help` lists them)"]
    return [
        *_stages(cfg),
        *_source(cfg),
        *_split(cfg),
        *_preset(cfg),
        *(growing.find(cfg) if growing.grows(cfg) else _sizes(cfg)),
        *_counts(cfg),
        *_length(cfg),
        *_generator(cfg),
        *_divergence(cfg),
        *_processes(cfg),
        *_precision(cfg),
        *_files(cfg),
        *classifiers.find(cfg),
    ]


def _stages(cfg: DictConfig) -> Iterator[str]:
    has = list(stages_of(cfg))
    for name in cfg.stages or []:
        if name not in has:
            close = difflib.get_close_matches(name, has, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            if name in cfg.pipeline:
                hint = " with these settings, which leave it out."
            yield f"stages: {name} is not a stage of {cfg.name}{hint} It has {', '.join(has)}"
    yield from unmet(cfg)
    if cfg.resume not in ("last", "none"):
        yield f"resume={cfg.resume}: expected last or none"


def _source(cfg: DictConfig) -> Iterator[str]:
    if cfg.source.name == "phantom" and cfg.archive.phantom is None:
        written = "archive=ddsm, cbis and optimam can"
        yield f"source=phantom can't be written in the layout of archive={cfg.archive.name}; {written}"
    archive = cfg.archive.root if cfg.source.name == "disk" else None
    roots = [archive, cfg.get("reference", {}).get("root"), cfg.get("images")]
    output = Path(str(cfg.paths.output)).expanduser().resolve()
    if any(output.is_relative_to(Path(str(root)).expanduser().resolve()) for root in roots if root is not None):
        yield f"results would go to {output}, within a folder of data, which is only read; set paths.output=FOLDER"


def _split(cfg: DictConfig) -> Iterator[str]:
    if "fractions" not in cfg.split:
        return
    shares = cfg.split.fractions.values()
    if not math.isclose(sum(shares), 1) or min(shares) < 0:
        yield f"split.fractions={dict(cfg.split.fractions)}: expected shares that sum to 1, got {sum(shares):g}"


def _preset(cfg: DictConfig) -> Iterator[str]:
    trained = any("method" in stage for stage in stages_of(cfg).values())
    if trained and cfg.preset not in ("paper", cfg.method_preset):
        yield (
            f"preset={cfg.preset}: the method of {cfg.name} has no such preset (conf/preset/method has those "
            "that there are, and each sets method_preset); choose preset=paper"
        )


def _sizes(cfg: DictConfig) -> Iterator[str]:
    size, blocks = cfg.method.image_size, len(cfg.method.generator.channels)
    growth = cfg.get("growth")
    if growth is not None:
        grows_to = growth.smallest * 2 ** (blocks - (0 if growth.first_doubles else 1))
        if size != grows_to:
            yield (
                f"method.image_size={size}: {blocks} generator blocks (method.generator.channels) "
                f"grow from {growth.smallest} to {grows_to} px; change one of the two"
            )
    if "fit_height" not in cfg.data:  # whole images instead of patches
        return
    height, width = cfg.data.fit_height, cfg.data.fit_width
    if size > min(height, width):
        yield f"patches of {size} px don't fit into images of {height}x{width} px (data.fit_height, data.fit_width)"


def _counts(cfg: DictConfig) -> Iterator[str]:
    for key in ("batch_size", "iterations", "epochs"):
        if cfg.training.get(key) is not None and cfg.training[key] < 1:
            yield f"training.{key}={cfg.training[key]}: expected 1 or more"
    if cfg.data.get("patches_per_class", 1) < 1:
        yield f"data.patches_per_class={cfg.data.patches_per_class}: expected 1 or more"
    if cfg.jobs == 0:
        yield "jobs=0: expected 1 or more, or -1 for all cores"
    if not 0 <= cfg.training.average_decay < 1:
        yield f"training.average_decay={cfg.training.average_decay}: expected 0 or more and less than 1"
    if cfg.callbacks.checkpoint_minutes <= 0:
        yield f"callbacks.checkpoint_minutes={cfg.callbacks.checkpoint_minutes}: expected more than 0"
    if cfg.callbacks.best is not None and (
        set(cfg.callbacks.best) != {"metric", "mode"} or cfg.callbacks.best.mode not in ("min", "max")
    ):
        yield f"callbacks.best={dict(cfg.callbacks.best)}: expected {{metric: NAME, mode: min}} or mode: max"


def _length(cfg: DictConfig) -> Iterator[str]:
    given = {key: cfg.training.get(key) for key in ("iterations", "epochs")}
    if sum(length is not None for length in given.values()) != 1:
        said = " and ".join(f"training.{key}={'null' if length is None else length}" for key, length in given.items())
        yield f"{said}: expected one of the two"
    metric = cfg.training.get("metric")
    for key in ("every", "samples", "batch_size") if metric is not None else ():
        if metric[key] < 1:
            yield f"training.metric.{key}={metric[key]}: expected 1 or more; training.metric=null measures nothing"


def _generator(cfg: DictConfig) -> Iterator[str]:
    """Which of a training's generators is sampled from."""
    wanted, metric = cfg.synthesis.get("generator"), cfg.training.get("metric")
    if wanted is None:
        return
    if wanted not in ("best", "average", "last"):
        yield f"synthesis.generator={wanted}: expected best, average or last"
    if wanted == "best" and cfg.callbacks.best is None:
        epochs = cfg.training.get("epochs")
        if metric is None or (epochs is not None and not growing.grows(cfg) and epochs < metric.every):
            yield (
                "synthesis.generator=best: nothing is measured in the training that a best one could be chosen by "
                "(training.metric.every, training.epochs); choose average or last"
            )


def _divergence(cfg: DictConfig) -> Iterator[str]:
    settings = cfg.divergence
    if settings.explosion <= 1:
        yield f"divergence.explosion={settings.explosion}: expected more than 1"
    if settings.dead_updates < 1:
        yield f"divergence.dead_updates={settings.dead_updates}: expected 1 or more"
    if settings.rollbacks < 0:
        yield f"divergence.rollbacks={settings.rollbacks}: expected 0 or more"
    if not 0 < settings.learning_rate_factor <= 1:
        yield f"divergence.learning_rate_factor={settings.learning_rate_factor}: expected more than 0, at most 1"


def _processes(cfg: DictConfig) -> Iterator[str]:
    trainer = cfg.trainer
    for key in ("devices", "nodes", "accumulate"):
        if trainer[key] < 1:
            yield f"trainer.{key}={trainer[key]}: expected 1 or more"
            return
    if trainer.start not in ("local", "srun"):
        yield f"trainer.start={trainer.start}: expected local or srun"
    if trainer.nodes > 1 and trainer.start == "local":
        yield f"trainer.nodes={trainer.nodes}: several nodes need SLURM (trainer=slurm)"
    yield from _shares(cfg)
    if trainer.accumulate > 1 and batch_normalised(cfg.method):
        yield (
            f"trainer.accumulate={trainer.accumulate}: expected 1 with batch normalisation, whose statistics would be "
            "those of a part; choose a smaller training.batch_size, or normalisation=layer in both networks"
        )
    if max(int(os.environ.get(name, "1")) for name in STARTED_BY) > 1:
        yield (
            "this command was started as one of several processes, by torchrun or srun. Start it once: "
            "trainer=ddp and trainer=slurm start the processes of a training themselves"
        )


def _shares(cfg: DictConfig) -> Iterator[str]:
    """Whether processes and their parts can share each batch."""
    trainer = cfg.trainer
    parts = trainer.devices * trainer.nodes * trainer.accumulate
    key, batch_sizes = "training.batch_size", [cfg.training.get("batch_size")]
    if growing.grows(cfg):
        key, batch_sizes = "training.schedule.batch_sizes", list(dict.fromkeys(cfg.training.schedule.batch_sizes))
    for batch_size in batch_sizes:
        if batch_size % parts:
            fitting = next(n for n in range(batch_size + 1, batch_size + parts + 1) if n % parts == 0)
            yield (
                f"{key}={batch_size} images a step can't be shared by trainer.nodes={trainer.nodes} x "
                f"trainer.devices={trainer.devices} processes in trainer.accumulate={trainer.accumulate} parts each; "
                f"{fitting} could, or fewer devices"
            )


def batch_normalised(method: DictConfig) -> bool:
    """Whether a network of a method looks at its batch as a whole, so that a batch can't be divided unnoticed."""
    networks = (method.get(name) or {} for name in ("generator", "discriminator"))
    return any(network.get("normalisation") == "batch" for network in networks)


def _precision(cfg: DictConfig) -> Iterator[str]:
    known = ("32-true", "bf16-mixed", "16-mixed")
    if cfg.trainer.precision not in known:
        yield f"trainer.precision={cfg.trainer.precision}: expected one of {', '.join(known)}"
    if cfg.trainer.precision == "16-mixed" and cfg.trainer.accelerator == "cpu":
        yield "trainer.precision=16-mixed needs a GPU; the CPU has bf16-mixed"


def _files(cfg: DictConfig) -> Iterator[str]:
    if cfg.init_from is not None and not Path(cfg.init_from).is_file():
        yield f"init_from={cfg.init_from}: there is no such file"
    for key in ("vgg19", "inception"):
        file = str(cfg.weights[key])
        if file.endswith((".safetensors", ".pth")) and not Path(file).expanduser().is_file():
            yield f"weights.{key}={file}: there is no such file"
