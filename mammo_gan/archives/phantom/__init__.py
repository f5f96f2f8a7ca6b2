"""A synthetic archive, written in the layout of a real one."""
