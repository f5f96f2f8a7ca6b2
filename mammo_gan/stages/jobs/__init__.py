"""Runs of an experiment: alone, in sweeps, interrupted and gone on with."""
