"""Each paper's method as a LightningModule."""
