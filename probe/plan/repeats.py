"""One plan carried out several times in a run, each time under a name of its own.

The count stands behind the name of the scenario, ``trunk-check (3 of 10)``: so every report says
which of them was not met, and a comparison takes them together again.
"""

import re
from collections.abc import Iterable

from msgspec.structs import replace

from probe.plan.plan import Plan

MOST_REPEATS = 1000
"""Repeats of a run."""

_COUNT = re.compile(r" \(\d+ of \d+\)\Z")


def repeated(plans: Iterable[Plan], times: int) -> tuple[Plan, ...]:
    """Return each plan so many times, those of one scenario together; unchanged for one time."""
    if times == 1:
        return tuple(plans)
    return tuple(
        replace(
            plan,
            scenario=f"{plan.scenario} ({number} of {times})",
            attempts=tuple(replace(attempt) for attempt in plan.attempts),
        )
        for plan in plans
        for number in range(1, times + 1)
    )


def without_count(scenario: str) -> str:
    """Return the name of a scenario without its count."""
    return _COUNT.sub("", scenario)


def count_of(scenario: str) -> str:
    """Return the count of a scenario with the space before it; empty where it has none."""
    found = _COUNT.search(scenario)
    return found[0] if found else ""
