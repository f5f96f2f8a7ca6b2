"""Pure functions of progress: what a training step does when."""
