"""The plan: a scenario with everything resolved. ``action`` is all that a worker needs to know."""
