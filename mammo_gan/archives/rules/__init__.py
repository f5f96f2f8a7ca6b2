"""The rules that a selection is made of: each a condition on one image."""
