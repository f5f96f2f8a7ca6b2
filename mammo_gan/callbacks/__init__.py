"""What happens around training: averages, checkpoints, sample grids, progress."""
