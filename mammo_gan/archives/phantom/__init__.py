"""A synthetic archive, written in the layout of a real one.

A phantom film is made as a real one is: tissue attenuates the beam, film turns exposure into optical density, a
scanner turns that into digits. All lengths are in mm, so that a phantom looks the same at every resolution. Arrays
have the chest wall at their left edge, x is the distance from it and y counts from the film's top, both in mm; a right
breast is mirrored at the very end.

What is drawn knows nothing of archives: how patients and films become an archive's files is a matter of `layouts/`.
"""
