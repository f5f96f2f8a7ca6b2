"""The mathematics of evaluation in numpy and scipy."""
