"""Notices where our own process stood still: what it saw next, it may have seen late.

A machine that is too busy, a host that takes the processor away, a stopped process: each looks like
a slow trunk to who only compares two times. Between two looks at the stack lies the time for which
we meant to wait, and little more. Where it is much more, we were not there.
"""

import os
from collections.abc import Callable

from probe.trace.trace import Event, Stalled

LEAST_S = 0.1
"""A gap that is worth a word: shorter ones change no delay that a bound is set for."""

_COUNTS = "/proc/thread-self/schedstat"
"""Time on a processor and time waiting for one, both in ns (Linux, sched-stats)."""


class Stalls:
    """Watches the distance of two looks at the stack."""

    def __init__(self, clock: Callable[[], float], record: Callable[[Event], None]) -> None:
        self._clock = clock
        self._record = record
        self._looked: float | None = None
        self._waited = 0.0

    def begin(self) -> None:
        """Begin to watch: what was before does not count."""
        self._looked = self._clock()
        self._waited = waited_for_processor()

    def looked(self, meant: float) -> None:
        """Take note that the stack was looked at, after at most ``meant`` s of waiting."""
        now = self._clock()
        before, self._looked = self._looked, now
        if before is None or now - before - meant < LEAST_S:
            return
        waited, self._waited = self._waited, waited_for_processor()
        missed = now - before - meant
        starved = min(missed, max(0.0, self._waited - waited))
        self._record(Stalled(at=now, seconds=round(missed, 6), starved=round(starved, 6)))


def waited_for_processor() -> float:
    """Return how long this thread has waited for a processor so far, s; 0 where nobody counts."""
    try:
        counts = os.open(_COUNTS, os.O_RDONLY)
    except OSError:
        return 0.0
    try:
        return int(os.read(counts, 100).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
    finally:
        os.close(counts)
