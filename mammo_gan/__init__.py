"""Generative models of mammograms, from a raw archive to a paper's table."""
