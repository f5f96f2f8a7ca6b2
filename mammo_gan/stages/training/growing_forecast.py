"""Before a long training of a GAN that grows: its forecast, from a few timed steps at each resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mammo_gan.callbacks.metric_over_training import MetricOverTraining
from mammo_gan.data.mammograms import MammogramData
from mammo_gan.methods.mammogan import MammoGAN
from mammo_gan.stages.training.forecast import TIMED, Forecast, needs_of, seconds_of_measuring, seconds_of_steps


def of_training(
    trial: Callable[[], MammoGAN],
    data: MammogramData,
    trainer_settings: Callable[[], dict[str, Any]],
    iterations: int,
    measured: Sequence[MetricOverTraining],
) -> Forecast:
    """Train throw-away methods for a few steps, as often the critic's as make whole rounds with the generator's, each
    from the start of a stage, whose images it also draws to be measured.

    Args:
        measured: over the training, one for each of its finest stages; copies that are used up.
    """
    schedule, seconds = data.schedule, 0.0
    metrics = dict(zip(range(schedule.stages - 1, -1, -1), reversed(measured), strict=False))
    for stage in range(schedule.stages):
        method, first = trial(), schedule.entered(stage)
        method.images_seen.fill_(first)
        done = schedule.iterations(first)
        last = stage == schedule.stages - 1
        rounds = method.progress.critic_iterations
        end = iterations if last else schedule.iterations(schedule.entered(stage + 1))
        each = seconds_of_steps(method, data, trainer_settings(), rounds * -(-TIMED // rounds))
        seconds += each * (end - done)
        if stage in metrics:
            metric, reals = metrics[stage], min(metrics[stage].samples, data.training_images)
            images = (end - done) * method.progress.batch_size  # fading ones too, so the time is rather too long
            seconds += seconds_of_measuring(metric, method, images, reals) / method.trainer.world_size
    return needs_of(method, seconds)
