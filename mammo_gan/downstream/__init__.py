"""LightningModules that judge: what generated images are good for."""
