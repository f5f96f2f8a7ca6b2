"""torchmetrics.Metric classes over statistics."""
