"""Settings of a GAN that grows, which data, networks and schedule have to have alike."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig

from mammo_gan.schedules.progressive import ProgressiveSchedule


def grows(cfg: DictConfig) -> bool:
    """Whether a schedule tells the training's sizes and batches."""
    return "schedule" in cfg.training and "schedule" in cfg.method


def find(cfg: DictConfig) -> Iterator[str]:
    """One sentence for each contradiction: in its schedule, or between the resolutions or attributes of its parts."""
    yield from _length(cfg)
    yield from _resolutions(cfg)
    yield from _attributes(cfg)


def _length(cfg: DictConfig) -> Iterator[str]:
    training = cfg.training
    if training.epochs is None or training.more < 0:
        yield (
            f"training.epochs={training.epochs} and training.more={training.more}: a training that grows lasts whole "
            "epochs, of 1 or more, and 0 or more images"
        )
    try:
        ProgressiveSchedule(**{str(name): value for name, value in training.schedule.items() if name != "_target_"})
    except (TypeError, ValueError) as error:
        yield f"training.schedule: {error}"


def _resolutions(cfg: DictConfig) -> Iterator[str]:
    network, batch_sizes = cfg.method.generator, list(cfg.training.schedule.batch_sizes)
    sizes = [[side * 2**stage for side in network.base] for stage in reversed(range(network.stages))]
    if sorted(map(list, cfg.data.sizes), reverse=True) != sizes:
        yield f"data.sizes: method.generator.base and stages make {sizes}; change one of them"
    if len(batch_sizes) != network.stages:
        yield (
            f"training.schedule.batch_sizes={batch_sizes}: expected one for each of method.generator.stages="
            f"{network.stages} resolutions"
        )


def _attributes(cfg: DictConfig) -> Iterator[str]:
    network, critic, attributes = cfg.method.generator, cfg.method.critic, cfg.method.attributes
    heads = dict(critic.heads or {})
    told = {name: len(known) for name, known in attributes.categorical.items()} | dict.fromkeys(
        attributes.continuous, 1
    )
    numbers = sum(told.values())
    for key, value in (("generator.attributes", network.attributes), ("critic.projection", critic.projection)):
        if value not in (0, numbers):
            yield f"method.{key}={value}: method.attributes are {numbers} numbers; expected as many, or 0 for none"
    if heads not in ({}, told):
        yield f"method.critic.heads={heads}: expected {told} as method.attributes, or null for none"
    if (heads or critic.projection) and not network.attributes:
        yield (
            "method.generator.attributes=0: the critic judges images by attributes that the generator isn't asked for; "
            "expected method.critic.heads=null and method.critic.projection=0 too"
        )
