"""Pictures of a run, each a function of the files that a stage left."""

from mammo_gan.reporting.figures.curves import loss_curves
from mammo_gan.reporting.figures.examples import figure_grid
from mammo_gan.reporting.figures.moments import moment_histograms
from mammo_gan.reporting.figures.progress import Frame, training_progress
from mammo_gan.reporting.figures.style import DARK, LIGHT, Theme

__all__ = ["DARK", "LIGHT", "Frame", "Theme", "figure_grid", "loss_curves", "moment_histograms", "training_progress"]
