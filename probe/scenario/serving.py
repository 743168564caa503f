"""What ``serve:`` of a settings file holds: which scenarios are run by themselves, and how often.

Every call may cost money, so each key that bounds calls has a default, and none can be switched
off. Targets are names of trunk profiles: whoever asks from outside chooses among names that stand
here, and never says whom to call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from msgspec import field

from probe.scenario.source import Problem, quoted, refuse
from probe.scenario.values import (
    agent_name,
    mapped,
    parse_duration,
    several,
    some_duration,
    text,
    whole,
)
from probe.scenario.written import Parsed, Written

SHORTEST_INTERVAL_S = 1.0
"""A shorter interval is a load test, which this is not."""

MOST_MODULES = 200
"""Modules of a file: each of them is some thirty time series for each step."""

_HOURS = r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)"
_MINUTES_A_DAY = 24 * 60


def hours(value: object) -> str:
    """Return hours of a day, such as '22:00-06:00', as written; they may pass midnight."""
    written = text(value).strip()
    found = re.fullmatch(_HOURS, written)
    if not found or int(found[3]) * 60 + int(found[4]) > _MINUTES_A_DAY:
        raise refuse(value, f"{quoted(written)} are no hours", "for example: 22:00-06:00")
    first, last = minutes(written)
    if first == last:
        raise refuse(value, f"{quoted(written)} begin and end at the same time")
    return written


def minutes(written: str) -> tuple[int, int]:
    """Return first and last minute of the day of what ``hours`` took; the last is not within."""
    found = re.fullmatch(_HOURS, written)
    assert found is not None  # noqa: S101 - `hours` has read it
    first, last = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return first, last % _MINUTES_A_DAY if last != _MINUTES_A_DAY else last


def time_zone(value: object) -> str:
    """Return the name of a time zone that this machine knows, e.g. 'Europe/Berlin'."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where one is written

    written = text(value).strip()
    try:
        ZoneInfo(written)
    except (ValueError, OSError, LookupError):
        raise refuse(
            value,
            f"{quoted(written)} is not a time zone of this machine",
            "for example: Europe/Berlin; a small image may lack the package tzdata",
        ) from None
    return written


def some_interval(value: object) -> float:
    """Return the seconds between two runs."""
    seconds = some_duration(value)
    if seconds < SHORTEST_INTERVAL_S:
        raise refuse(value, f"an interval is at least {SHORTEST_INTERVAL_S:g} s")
    return seconds


class Module(Written, frozen=True, kw_only=True):
    """One scenario that is run by itself, or when /probe asks for it."""

    example = "{scenario: trunk-check, targets: [carrier], interval: 10m}"

    scenario: Annotated[str, Parsed(text)]
    "Name or path of the scenario, as `run` takes it; a path counts from the settings file."
    targets: Annotated[tuple[str, ...], Parsed(several(agent_name))] = ()
    "Trunk profiles at which it may be run; nothing for the scenario's own trunk."
    interval: Annotated[float | None, Parsed(some_interval)] = None
    "Time from one run to the next; nothing where only /probe starts it."
    jitter: Annotated[float | None, Parsed(parse_duration)] = None
    "Random delay of each run, at most; nothing for a tenth of the interval."
    timeout: Annotated[float | None, Parsed(some_duration)] = None
    "Deadline of the scenario, over its own."
    variables: Annotated[dict[str, str], Parsed(mapped(lambda _, value: text(value)))] = field(
        default_factory=dict
    )
    "Values of the scenario's variables."
    quiet_hours: Annotated[tuple[str, ...], Parsed(several(hours))] = ()
    "Hours in which it is not run, beside those of all."
    calls_per_day: Annotated[int | None, Parsed(whole(0, 100_000))] = None
    "Calls of this module in a UTC day; nothing for the bound of all."

    def disagreements(self) -> Iterator[Problem]:
        """Yield a delay as long as the interval: runs would pile up."""
        if self.jitter and (self.interval is None or self.jitter >= self.interval):
            message = "'jitter' must be shorter than 'interval'"
            if self.interval is None:
                message = "'jitter' needs an 'interval': only scheduled runs are delayed"
            yield Problem(source=self.source("jitter"), message=message)


class Serve(Written, frozen=True, kw_only=True):
    """What `sipprobe serve` runs, and what it may come to at most."""

    example = "serve: {modules: {trunk: {scenario: trunk-check, interval: 10m}}}"

    modules: dict[Annotated[str, Parsed(agent_name)], Module]
    "Modules by name: what is run."
    calls_per_day: Annotated[int, Parsed(whole(0, 100_000))] = 200
    "Calls of all modules in a UTC day; those on the embedded trunk do not count."
    calls_per_hour: Annotated[int, Parsed(whole(0, 100_000))] = 60
    "Calls of all modules in any hour."
    runs_at_a_time: Annotated[int, Parsed(whole(1, 20))] = 2
    "Scenarios that are under way together; two never share a trunk account."
    quiet_hours: Annotated[tuple[str, ...], Parsed(several(hours))] = ()
    "Hours in which nothing is run."
    timezone: Annotated[str, Parsed(time_zone)] = "UTC"
    "Time zone of quiet hours."
    keep_days: Annotated[int, Parsed(whole(1, 3650))] = 30
    "Days after which results go."
    keep_runs: Annotated[int, Parsed(whole(1, 100_000))] = 2000
    "Runs that are kept at most; the oldest go first."

    def disagreements(self) -> Iterator[Problem]:
        """Yield that there are none, or more than a page and a time series base can hold."""
        if not self.modules or len(self.modules) > MOST_MODULES:
            message = f"'modules' holds {len(self.modules)} modules; 1 to {MOST_MODULES} are taken"
            yield Problem(source=self.source("modules"), message=message, hint=self.example)
