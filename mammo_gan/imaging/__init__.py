"""Pixels: decoding, intensity, breast mask, geometry, patches. numpy only."""
