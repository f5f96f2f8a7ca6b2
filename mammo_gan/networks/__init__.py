"""nn.Module only; imports nothing of the package."""
