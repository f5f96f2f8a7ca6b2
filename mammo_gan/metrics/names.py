"""What a distance over Inception's features may be called."""

from __future__ import annotations

from mammo_gan.weights import Provenance

COMPLETE = 2048  # features, those that FID is defined over


def fid_name(depth: int, provenance: Provenance) -> str:
    """`fid` for the published weights and all 2048 features alone; else the name says what is missing.

    Args:
        depth: features an image.
        provenance: of the weights.

    Returns:
        "fid", "fid_768" or "fid_random_features_768", with other depths likewise.
    """
    if provenance.random:
        return f"fid_random_features_{depth}"
    return "fid" if depth == COMPLETE else f"fid_{depth}"
