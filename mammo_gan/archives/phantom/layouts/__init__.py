"""The layouts in which a phantom archive can be written: one file for each archive, which alone knows its names.

What a layout does not choose is who its patients are and how their films look; it draws neither.
"""
