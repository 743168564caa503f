"""The free controls of one run: asked after a failed attempt, bounded, each question once."""

from collections.abc import Callable
from time import monotonic

from msgspec.structs import replace

from probe.controls.budget import Budget
from probe.controls.challenge import ask_challenge
from probe.controls.digest import check_digests
from probe.controls.lint import lint
from probe.controls.names import Walk, walk
from probe.controls.names_told import names_event
from probe.controls.options import Memory, ask_options
from probe.controls.places import used_places
from probe.controls.tls import ask_tls
from probe.controls.told import printable
from probe.naming.questions import load_library
from probe.plan.action import Account
from probe.plan.plan import Attempt
from probe.sip.sdp import address_class
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

_Ask = Callable[[Account, Trace, Walk, float], ControlRan | None]

_WALK_S = 1.2
"""Longest walk through DNS: name servers that are silent must leave time for the rest."""

LIMIT_S = 3.0
"""Seconds that all questions of a run may take."""


class Inquiry:
    """Runs controls and remembers what they answered; one lives as long as a run."""

    def __init__(self, limit_s: float = LIMIT_S, clock: Callable[[], float] = monotonic) -> None:
        self._budget = Budget(limit_s, clock)
        self._walks: dict[tuple[str, str | None], Walk] = {}
        self._memory = Memory()
        self._answers: dict[tuple[object, ...], ControlRan] = {}

    def ask(self, control: Control, attempt: Attempt, trace: Trace) -> tuple[ControlRan, ...]:
        """Run a control about an attempt; at least one event, whatever the network does."""
        account = attempt.account
        if account is None:
            return (_not_run(control, trace, "", "the attempt has no account"),)
        try:
            return self._ask(control, account, attempt, trace)
        except (OSError, ValueError) as error:  # a host name or a file that no library takes
            return (_not_run(control, trace, account.host, printable(str(error))),)

    def _ask(
        self, control: Control, account: Account, attempt: Attempt, trace: Trace
    ) -> tuple[ControlRan, ...]:
        once = {Control.TLS: ask_tls, Control.CHALLENGE: ask_challenge}.get(control)
        if once is not None:
            return self._once(control, account, trace, once)
        match control:
            case Control.LINT:
                found: tuple[ControlRan, ...] = (lint(account, attempt, trace),)
            case Control.DIGEST:
                found = (check_digests(account, trace),)
            case Control.NAMES:
                found = self._names(account, trace)
            case Control.OPTIONS:
                found = self._options(account, trace)
            case _:
                found = (_not_run(control, trace, account.host, "it places a call"),)
        return found

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

    def _once(
        self, control: Control, account: Account, trace: Trace, ask: _Ask
    ) -> tuple[ControlRan, ...]:
        """Ask once a run for each account and place; later attempts get the same answer."""
        found = self._walk(account)
        key = (control, account.name, account.aor, *used_places(account, trace, found)[:1])
        known = self._answers.get(key)
        if known is not None:
            return (replace(known, at=trace.ended, took_s=0.0),)
        if self._budget.spent:
            return (self._no_time(control, trace, account.host),)
        began = monotonic()
        with self._budget.counting():
            answer = ask(account, trace, found, self._budget.left_s)
        if answer is None:
            return (_not_run(control, trace, account.host, "there is no address to ask"),)
        answer = replace(answer, took_s=monotonic() - began)
        self._answers[key] = answer
        return (answer,)

    def _walk(self, account: Account) -> Walk:
        """Return what DNS says, asked once a run for each name and resolver."""
        key = _key(account)
        if key not in self._walks:
            if address_class(account.host) == "name":
                load_library()
            with self._budget.counting():
                self._walks[key] = walk(account, max(0.0, min(_WALK_S, self._budget.left_s)))
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
