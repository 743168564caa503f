"""Caps and pace of a fleet: every call of it is counted here, before its scenario leaves.

The ledger and the counts are those of the user's machine, so that caps hold for all sites together
and for runs without a fleet. A site counts in its own ledger as well.
"""

import time
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from probe.executor.gate import Gate, longest_talk, planned_talk, talk_of
from probe.executor.ledger import Admission
from probe.fleet.carried import Carried
from probe.plan.action import Call, Transfer
from probe.plan.plan import Attempt, Limits, Plan
from probe.report.model import Finding
from probe.trace.failure import Failure


class Turn(Struct, frozen=True, kw_only=True):
    """Leave for a scenario to begin."""

    at: float
    "When, on the monotonic clock."

    calls: tuple[tuple[Attempt, Limits, Admission], ...] = ()
    "Its calls as they were entered."

    why_not: str = ""
    "Why it is not to begin at all; empty where it may."


class Turns:
    """Gives scenarios their turns."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._up: Counter[str] = Counter()

    def take(self, plan: Plan) -> Turn | None:
        """Enter the calls of a scenario; None while others have to end first."""
        now = time.monotonic()
        for attempt in plan.attempts:
            why_not = self._gate.why_no_login(attempt)
            if why_not is not None:
                return Turn(at=now, why_not=why_not)
        wanted = _at_once(plan)
        for owner, (calls, most) in wanted.items():
            if most is not None and self._up[owner] and self._up[owner] + calls > most:
                return None
        entered: list[tuple[Attempt, Limits, Admission]] = []
        wait = 0.0
        for attempt in plan.attempts:
            limits = attempt.limits
            if limits is None or not isinstance(attempt.action, Call | Transfer):
                continue
            talk, longest = planned_talk(attempt, plan), longest_talk(attempt, plan)
            # One after the other they may be as many as they like: the site counts those at a time.
            counted = replace(limits, concurrent_calls=None) if entered else limits
            admission = self._gate.admit(counted, talk, longest)
            if admission.number == 0:
                self._take_back(entered)
                waits = admission.busy or (
                    bool(self._up[limits.owner]) and "concurrent_calls" in (admission.why_not or "")
                )
                return None if waits else Turn(at=now, why_not=admission.why_not or "")
            entered.append((attempt, limits, admission))
            wait = max(wait, admission.wait) if len(entered) == 1 else wait
        for owner, (calls, _) in wanted.items():
            self._up[owner] += calls
        return Turn(at=now + wait, calls=tuple(entered))

    def settle(self, plan: Plan, turn: Turn, carried: Carried) -> None:
        """Count what a scenario came to."""
        for owner, (calls, _) in _at_once(plan).items():
            self._up[owner] -= calls
        found = {one.attempt.index: one for one in carried.findings}
        for attempt, limits, admission in turn.calls:
            finding = found.get(attempt.index)
            talk = planned_talk(attempt, plan)
            if finding is not None and not _unseen(finding):
                talk = talk_of(finding.last.trace, finding.last.trace.ended)
            self._gate.talked(limits, admission, talk)
            for _ in finding.tries[:-1] if finding else ():  # a retry was asked for in the file
                again = replace(limits, concurrent_calls=None, gap=0.0)
                self._gate.talked(limits, self._gate.admit(again, 0.0), 0.0)
        for finding in carried.findings:
            if any(one.trace.login_refused() for one in finding.tries):
                self._gate.login_was_refused(plan.attempts[finding.attempt.index])

    def give_back(self, plan: Plan, turn: Turn) -> None:
        """Take back the calls of a scenario that did not leave after all."""
        for owner, (calls, _) in _at_once(plan).items():
            self._up[owner] -= calls
        self._take_back(turn.calls)

    def _take_back(self, calls: Iterable[tuple[Attempt, Limits, Admission]]) -> None:
        for _, limits, admission in calls:
            self._gate.withdraw(limits, admission)


def _unseen(finding: Finding) -> bool:
    """Whether nobody saw how a call ended."""
    failed = finding.last.trace.failure()
    return failed is not None and failed.failure is Failure.AGENT_CRASHED


def _at_once(plan: Plan) -> dict[str, tuple[int, int | None]]:
    """Return by owner the most calls that a scenario can have up, and how many there may be."""
    calls: Counter[str] = Counter()
    most: dict[str, int | None] = {}
    for attempt in plan.attempts:
        if attempt.limits is not None and isinstance(attempt.action, Call | Transfer):
            calls[attempt.limits.owner] += 1
            most[attempt.limits.owner] = attempt.limits.concurrent_calls
    return {
        owner: (number if (cap := most[owner]) is None else min(number, cap), cap)
        for owner, number in calls.items()
    }
