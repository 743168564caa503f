"""The free controls of one run: asked after a failed attempt, bounded, each question once."""

from collections.abc import Callable
from time import monotonic

from probe.controls.budget import Budget
from probe.controls.names import Walk, walk
from probe.controls.names_told import names_event
from probe.controls.options import Memory, ask_options
from probe.plan.action import Account
from probe.plan.plan import Attempt
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

LIMIT_S = 3.0
"""Seconds that all questions of a run may take."""


class Inquiry:
    """Runs controls and remembers what they answered; one lives as long as a run."""

    def __init__(self, limit_s: float = LIMIT_S, clock: Callable[[], float] = monotonic) -> None:
        self._budget = Budget(limit_s, clock)
        self._walks: dict[tuple[str, str | None], Walk] = {}
        self._memory = Memory()

    def ask(self, control: Control, attempt: Attempt, trace: Trace) -> tuple[ControlRan, ...]:
        """Run a control about an attempt; at least one event, whatever the network does."""
        account = attempt.account
        if account is None:
            return (_not_run(control, trace, "", "the attempt has no account"),)
        match control:
            case Control.NAMES:
                return self._names(account, trace)
            case Control.OPTIONS:
                return self._options(account, trace)
            case _:
                return (_not_run(control, trace, account.host, "not one of the free controls"),)

    def _names(self, account: Account, trace: Trace) -> tuple[ControlRan, ...]:
        known = self._walks.get(_key(account))
        if known is None and self._budget.spent:
            return (self._no_time(Control.NAMES, trace, account.host),)
        found = self._walk(account)
        return (names_event(found, account, trace, asked=known is None),)

    def _options(self, account: Account, trace: Trace) -> tuple[ControlRan, ...]:
        found = self._walk(account)
        with self._budget.counting():
            events = ask_options(account, trace, found, self._budget, self._memory)
        words = "there is no address to ask"
        return events or (_not_run(Control.OPTIONS, trace, account.host, words),)

    def _walk(self, account: Account) -> Walk:
        """Return what DNS says, asked once a run for each name and resolver."""
        key = _key(account)
        if key not in self._walks:
            with self._budget.counting():
                self._walks[key] = walk(account, max(0.0, min(1.0, self._budget.left_s)))
        return self._walks[key]

    def _no_time(self, control: Control, trace: Trace, target: str) -> ControlRan:
        words = f"the {self._budget.limit_s:g} s for questions of this run are used"
        return _not_run(control, trace, target, words)


def _key(account: Account) -> tuple[str, str | None]:
    return account.host.lower(), account.nameserver


def _not_run(control: Control, trace: Trace, target: str, why: str) -> ControlRan:
    return ControlRan(
        at=trace.ended, control=control, target=target, result="not-run", detail=f"not asked: {why}"
    )
