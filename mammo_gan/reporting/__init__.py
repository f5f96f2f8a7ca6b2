"""Results -> tables, figures, one HTML file."""
