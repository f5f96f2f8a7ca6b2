"""Trained generators -> synthetic images written as records."""
