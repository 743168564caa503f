"""Bounds for times that were seen once: room to spare, in numbers that people use."""

_HUMAN = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
"""Seconds that somebody would write by hand."""

_ROOM = 3.0
"""How many times what was seen may pass: one call says little of how a trunk varies."""


def max_bound(seconds: float, least: float = 1.0) -> str:
    """Return ``max 2s`` for a time that was seen: three times it, ``least`` seconds at least."""
    wanted = max(least, seconds * _ROOM)
    found = next((human for human in _HUMAN if human >= wanted), None)
    return f"max {_HUMAN[-1] if found is None else found:g}s"
