"""Bounds as a verdict writes them, read back: a stored report has their words only."""

from probe.scenario.expectation import Bound, parse_bound


def read_bound(written: str) -> Bound | None:
    """Return the bound of ``8s..16s`` or ``max 4s, warn 2s``; None where it cannot be read.

    Its numbers are seconds where its unit is s.
    """
    parts = [part.split(" ", 1) for part in written.split(", ")]
    try:
        named = all(len(part) == 2 for part in parts)
        return parse_bound(dict(parts) if named else written)
    except ValueError:  # stored by a version that writes bounds in another way
        return None
