"""Faults that the explanations do not get right yet, each with the reason.

A test fails where one of them is right after all: then its line goes.
"""

MISSES: dict[str, str] = {}
"""By the name of the fault."""
