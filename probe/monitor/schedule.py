"""When what is run: intervals with jitter, and the hours in which nothing is."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from msgspec import Struct

from probe.monitor.check import Check, Key


class _Turn(Struct):
    """The next run of a check."""

    interval: float
    "What it was planned with."

    nominal: float
    "When it is due without jitter, on the clock of the timetable."

    at: float
    "When it is due."


class Timetable:
    """The next run of each check, on a clock that nobody sets back."""

    def __init__(
        self, clock: Callable[[], float], spread: Callable[[float, float], float] = random.uniform
    ) -> None:
        """Take a clock in seconds, and what draws a number between two."""
        self._clock = clock
        self._spread = spread
        self._turns: dict[Key, _Turn] = {}

    def plan(self, checks: Iterable[Check], age: Callable[[Key], float | None]) -> None:
        """Take over a configuration; a check that was planned with its interval keeps its turn.

        ``age`` says how many seconds ago a check began last, or None. A restart is no reason to
        call again at once.
        """
        before, self._turns = self._turns, {}
        for check in checks:
            if check.interval is None:
                continue
            turn = before.get(check.key)
            if turn is None or turn.interval != check.interval:
                turn = self._first(check, check.interval, age(check.key))
            self._turns[check.key] = turn

    def _first(self, check: Check, interval: float, age: float | None) -> _Turn:
        # An age below zero is a clock that was set back.
        rest = 0.0 if age is None else min(interval, max(0.0, interval - max(0.0, age)))
        nominal = self._clock() + rest
        return _Turn(interval, nominal, nominal + self._spread(0.0, check.jitter))

    def due(self) -> tuple[Key, ...]:
        """Return the checks whose time has come."""
        now = self._clock()
        return tuple(key for key, turn in self._turns.items() if turn.at <= now)

    def advance(self, check: Check) -> None:
        """Give a check its next turn; turns that were missed are not made up for."""
        turn = self._turns[check.key]
        turn.nominal += turn.interval
        if turn.nominal <= self._clock():
            turn.nominal = self._clock() + turn.interval
        turn.at = turn.nominal + self._spread(0.0, check.jitter)

    def wait(self) -> float | None:
        """Return the seconds until the next turn; None where there is none."""
        if not self._turns:
            return None
        return max(0.0, min(turn.at for turn in self._turns.values()) - self._clock())

    def until(self, key: Key) -> float | None:
        """Return the seconds until a check's turn; None where it is not scheduled."""
        turn = self._turns.get(key)
        return None if turn is None else max(0.0, turn.at - self._clock())


def is_quiet(hours: Iterable[tuple[int, int]], at: float, zone: str) -> bool:
    """Whether a time (seconds since 1970) lies in hours of the day; they may pass midnight."""
    there = datetime.fromtimestamp(at, ZoneInfo(zone) if zone != "UTC" else timezone.utc)
    minute = there.hour * 60 + there.minute
    return any(
        first <= minute < last if first < last else minute >= first or minute < last
        for first, last in hours
    )
