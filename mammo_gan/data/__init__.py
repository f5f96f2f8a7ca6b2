"""Prepared arrays -> datasets, samplers and LightningDataModules."""
