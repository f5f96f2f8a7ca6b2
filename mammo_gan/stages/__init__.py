"""The glue between rooms: what an experiment runs, in which order, and what can be skipped."""
