"""Runs controls for one run: each question once, and all of them within a few seconds together."""

import time
from collections.abc import Callable

from probe.plan.plan import Attempt
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

Run = Callable[[Attempt, Trace, float], tuple[ControlRan, ...]]
"""Runs one control; takes the seconds that are left for it."""

CONTROLS: dict[Control, Run] = {}
"""How each control is run."""


class Inquiry:
    """What one run may ask."""

    def __init__(self, limit_s: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the seconds that all controls of the run may take together."""
        self._left = limit_s
        self._clock = clock

    def ask(self, control: Control, attempt: Attempt, trace: Trace) -> tuple[ControlRan, ...]:
        """Run one control for a failed attempt; the answer is one event at least."""
        run = CONTROLS.get(control)
        if run is None:
            return (_not_run(control, trace, "this version cannot run it"),)
        if self._left <= 0:
            return (_not_run(control, trace, "the time for controls of this run is used up"),)
        began = self._clock()
        try:
            return run(attempt, trace, self._left)
        finally:
            self._left -= self._clock() - began


def _not_run(control: Control, trace: Trace, why: str) -> ControlRan:
    return ControlRan(
        at=trace.ended, control=control, target=control.value, result="not-run", detail=why
    )
