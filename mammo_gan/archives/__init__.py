"""A publisher's folder on disk -> records. No torch."""
