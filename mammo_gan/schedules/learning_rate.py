"""Factors on a learning rate, as functions of iterations done."""

from __future__ import annotations


def exponential(iteration: int, *, factor: float, every: int) -> float:
    """factor ** (iteration / every), decaying a little at each iteration.

    ciGAN as published has 0.99 ** (step / 500), where step counts the updates of every network and loss.
    """
    return float(factor ** (iteration / every))
