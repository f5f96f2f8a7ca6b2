"""t-distributed stochastic neighbour embedding of images, pixel by pixel (van der Maaten and Hinton, 2008)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from openTSNE import TSNE  # type: ignore[import-untyped]

from mammo_gan.errors import UserError

_EARLY = 250  # iterations with early exaggeration, as scikit-learn's and van der Maaten's code have them
_LARGE = 10_000  # points from which an interpolated gradient is faster than Barnes and Hut's tree


class Embedding(NamedTuple):
    """points: (N, 2) float64, in the images' order, without a unit; divergence: Kullback-Leibler, nats."""

    points: NDArray[np.float64]
    divergence: float


def largest_perplexity(count: int) -> float:
    """What `count` points allow: three neighbours are looked at for each unit of it."""
    return (count - 1) / 3


def embed(
    images: NDArray[np.floating[Any]], *, perplexity: float, iterations: int, seed: int, jobs: int = 1
) -> Embedding:
    """The images' places in a plane. Neighbours are found exactly; equal input and seed give equal places.

    Args:
        images: (N, ...), of one range; each is taken as a row of numbers.
        jobs: threads; -1 = all cores.

    Raises:
        UserError: the perplexity is above (N - 1) / 3, or not above 0; there is no iteration; or all images are equal.
    """
    count = len(images)
    if not 0 < perplexity <= largest_perplexity(count):
        raise UserError(
            f"t-SNE: perplexity {perplexity:g} is not between 0 and {max(0.0, largest_perplexity(count)):.4g}, a third "
            f"of the other points; there are {count:,} points. Give more images or lower the perplexity"
        )
    if iterations < 1:
        raise UserError(f"t-SNE: expected at least one iteration, found {iterations}")
    early = min(_EARLY, iterations // 2)
    pixels = np.ascontiguousarray(images.reshape(count, -1), np.float32)  # (N, D)
    if (pixels == pixels[0]).all():
        raise UserError(f"t-SNE: all {count:,} images are equal, so that there is nothing to set apart")
    # Assumption: the iterations are counted as scikit-learn counts them, so the first 250 (half of fewer than 500) are
    # those with early exaggeration, by 12; the step is N / exaggeration. alyafi2019 and alyafi2020 say neither.
    # Deviation: it starts from the first two principal components, so that runs agree (alyafi2019, 5.2: at random).
    method = TSNE(
        perplexity=perplexity,
        early_exaggeration_iter=early,
        n_iter=iterations - early,
        initialization="pca",
        neighbors="exact",
        negative_gradient_method="bh" if count < _LARGE else "fft",
        n_jobs=jobs,
        random_state=seed,
    )
    embedding = method.fit(pixels)
    return Embedding(np.array(embedding, np.float64), float(embedding.kl_divergence))
