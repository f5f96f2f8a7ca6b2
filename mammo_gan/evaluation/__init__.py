"""One file per question asked of synthetic images; never trains."""
