"""t-SNE of 1,000 patches of 128 x 128 px at the papers' perplexity, from raw pixels to places: seconds.

Beside it scikit-learn's, as one would call it with the same settings, which comes with openTSNE.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mammo_gan.evaluation.tsne import embed
from tests.bench.runner import Benchmark, UnavailableError

SIZE = 128  # px
THREADS = 1  # of each: more of them wait for one another on a busy machine


def benchmarks(scratch: Path, quick: bool) -> Iterator[Benchmark]:
    """Both start from principal components, look for neighbours exactly and count their iterations alike."""
    del scratch
    count, perplexity, iterations = (200, 50, 300) if quick else (1000, 250, 1000)
    patches = _patches(count)
    arms = {"ours": _ours, "scikit-learn": _scikit_learn}
    yield Benchmark(
        name=f"t-SNE, {count:,} patches, perplexity {perplexity}, {iterations:,} iterations, {THREADS} thread",
        unit="s",
        arms={name: _block(arm, patches, perplexity, iterations) for name, arm in arms.items()},
        blocks=1 if quick else 3,
    )


def _patches(count: int) -> NDArray[np.float32]:
    """(N, 128, 128) in [0, 1]: blurred noise of four grey levels, so that there is something to set apart."""
    rng = np.random.default_rng(0)
    noise = np.asarray(gaussian_filter(rng.standard_normal((count, SIZE, SIZE)), (0, 8, 8)))
    levels = rng.integers(1, 5, (count, 1, 1)) / 5
    return np.asarray(np.clip(levels + noise, 0, 1), np.float32)


def _ours(patches: NDArray[np.float32], perplexity: int, iterations: int) -> None:
    embed(patches, perplexity=perplexity, iterations=iterations, seed=0, jobs=THREADS)


def _scikit_learn(patches: NDArray[np.float32], perplexity: int, iterations: int) -> None:
    try:
        from sklearn.manifold import TSNE  # type: ignore[import-untyped]
    except ImportError as error:
        raise UnavailableError("scikit-learn isn't installed") from error
    method = TSNE(
        perplexity=perplexity,
        max_iter=iterations,
        n_iter_without_progress=iterations,  # or it may stop early
        min_grad_norm=0,
        init="pca",
        random_state=0,
        n_jobs=THREADS,
    )
    method.fit_transform(patches.reshape(len(patches), -1))


def _block(
    arm: Callable[[NDArray[np.float32], int, int], None],
    patches: NDArray[np.float32],
    perplexity: int,
    iterations: int,
) -> Callable[[], float]:
    def block() -> float:
        start = time.perf_counter()
        arm(patches, perplexity, iterations)
        return time.perf_counter() - start

    return block
