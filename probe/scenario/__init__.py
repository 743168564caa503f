"""Scenario files and sipprobe.yaml: what users write, read with the place of every value."""
