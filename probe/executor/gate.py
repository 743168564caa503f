"""What holds an attempt back before it leaves: caps of the run and of the day, refused logins.

Also how long a peer asked us to wait before another try.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from probe.executor.ledger import TINY, Admission, Ledger
from probe.plan.action import (
    Account,
    Call,
    Cancel,
    Expect,
    Hangup,
    Options,
    Take,
    Talk,
    Transfer,
    Wait,
)
from probe.plan.plan import Attempt, Limits, Plan
from probe.plan.rails import emergency_number
from probe.trace.trace import Trace

MOST_REFUSED_LOGINS = 2
"""Refused logins of one account that a run may make: door phones are known to ban after three."""

_LATE_S = 0.01
"""How far calls that come late may catch up with their pace: 1 % of the calls of a second."""


class Gate:
    """Counts what a run does; what holds for the day is in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._calls: Counter[str] = Counter()
        self._costs: defaultdict[str, float] = defaultdict(float)
        self._refused_logins: Counter[tuple[str, str]] = Counter()
        self._notes: list[str] = []
        self._gap = 0.0
        self._free_at = 0.0
        self._frees: dict[str, float] = {}

    def pace(self, cps: float | None) -> None:
        """Let no more than so many calls a second begin, whoever places them; None for any."""
        self._gap = 1 / cps if cps else 0.0

    def slot(self) -> float:
        """Take the next place in the pace of the run; return the seconds until then.

        No call leaves before its place; one that comes late does not hold those behind it back.
        """
        if not self._gap:
            return 0.0
        now = time.monotonic()
        at = max(now - _LATE_S, self._free_at)
        self._free_at = at + self._gap
        return max(0.0, at - now)

    def ahead(self, owners: Iterable[str]) -> float:
        """Return the seconds until calls of some owners may begin, as far as paces tell."""
        now = time.monotonic()
        frees = [self._frees.get(owner, 0.0) for owner in owners]
        return max([self._free_at, *frees]) - now

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report must say."""
        own = (self._ledger.note,) if self._ledger.note is not None else ()
        return (*own, *self._notes)

    def note(self, text: str) -> None:
        """Keep something for the report."""
        self._notes.append(text)

    def why_no_login(self, attempt: Attempt) -> str | None:
        """Say why an attempt's account is not to log in any more, or return None."""
        account, limits = attempt.account, attempt.limits
        if account is None:
            return None
        if self._refused_logins[_login(account)] >= MOST_REFUSED_LOGINS:
            return (
                f"{MOST_REFUSED_LOGINS} logins of {account.auth_user} were refused in this"
                " run: another one could lock the account or ban this address"
            )
        if limits is None or limits.refused_logins_per_day is None or account.password is None:
            return None
        refused = self._ledger.refused_logins(limits.owner)
        if refused < limits.refused_logins_per_day:
            return None
        return (
            f"{refused} logins of {account.auth_user} were refused today, and"
            f" refused_logins_per_day is {limits.refused_logins_per_day}; the day ends at 00:00 UTC"
        )

    def login_was_refused(self, attempt: Attempt) -> None:
        """Count a refused login of an attempt's account."""
        if attempt.account is not None:
            self._refused_logins[_login(attempt.account)] += 1
        if attempt.limits is not None and attempt.limits.refused_logins_per_day is not None:
            self._ledger.login_was_refused(attempt.limits.owner)

    def admit(self, limits: Limits, seconds: float, longest: float | None = None) -> Admission:
        """Count a call with so many planned seconds of talk, or say why it may not be made.

        ``longest`` is the longest talk that it can come to, by which its cost is judged.
        """
        made = self._calls[limits.owner]
        if limits.calls_per_run is not None and made >= limits.calls_per_run:
            return Admission(
                why_not=f"{made} calls were made in this run through this trunk, and"
                f" calls_per_run is {limits.calls_per_run}"
            )
        cost = limits.price.of(seconds if longest is None else longest) if limits.price else 0.0
        why_not = self._beyond_budget(limits, cost)
        if why_not is not None:
            return Admission(why_not=why_not)
        admission = self._ledger.admit(limits, seconds, cost)
        if limits.gap:
            self._frees[limits.owner] = time.monotonic() + admission.wait + limits.gap
        if admission.number:
            self._calls[limits.owner] += 1
            self._costs[limits.owner] += cost
        return admission

    def turn(self, limits: Limits) -> float:
        """Return the seconds until a REGISTER or OPTIONS may go to its host."""
        return self._ledger.turn(limits) if limits.request_gap else 0.0

    def _beyond_budget(self, limits: Limits, cost: float) -> str | None:
        """Say that a call could cost more than is left for the run, or return None."""
        price, budget, spent = limits.price, limits.cost_per_run, self._costs[limits.owner]
        if price is None or budget is None or spent + cost <= budget + TINY:
            return None
        return (
            f"calls of this run through this trunk cost about {price.shown(spent)}, this one may"
            f" cost {price.shown(cost)}, and cost_per_run is {price.shown(budget)}"
        )

    def withdraw(self, limits: Limits, admission: Admission) -> None:
        """Take back a call that was admitted and not placed."""
        self._calls[limits.owner] -= 1
        self._costs[limits.owner] -= admission.cost
        self._ledger.withdraw(admission.number)

    def talked(self, limits: Limits, admission: Admission, seconds: float) -> None:
        """Say how long a call's talk was."""
        cost = limits.price.of(seconds) if limits.price else 0.0
        self._costs[limits.owner] += cost - admission.cost
        self._ledger.talked(admission.number, seconds, cost)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()


def why_never(attempt: Attempt) -> str | None:
    """Say why a request never leaves, whoever made the plan, or return None.

    The plan has refused it already; this is the last look at the URI that would be sent.
    """
    action, account = attempt.action, attempt.account
    if not isinstance(action, Call | Options):
        return _why_not_led(attempt)
    if isinstance(action, Options) and account is not None and action.target == account.registrar:
        return None  # the trunk itself: nobody dialled it, the digits of its address are no number
    danger = emergency_number(action.target, public=attempt.provider is not None)
    if danger is None:
        return None
    return f"{action.target} would reach the emergency number {danger}"


def _why_not_led(attempt: Attempt) -> str | None:
    """Say why nobody may be sent to the target of a transfer or redirection, or return None."""
    told = (attempt.action, *attempt.prepares)
    targets: list[str | None] = [one.target for one in told if isinstance(one, Transfer)]
    targets += [one.manner.contact for one in told if isinstance(one, Expect | Take)]
    for target in targets:
        if target is not None:
            danger = emergency_number(target, public=attempt.provider is not None)
            if danger is not None:
                return f"{target} would reach the emergency number {danger}"
    return None


def _login(account: Account) -> tuple[str, str]:
    return account.registrar, account.auth_user


def planned_talk(attempt: Attempt, plan: Plan) -> float:
    """Return the seconds of talk that a call is planned to have once it is answered."""
    action = attempt.action
    if isinstance(action, Call) and (action.hangup_after is not None or action.ring_for):
        return action.hangup_after or 0.0
    later = (other.action for other in plan.attempts[attempt.index + 1 :])
    return sum(action.duration for action in later if isinstance(action, Talk | Wait))


def longest_talk(attempt: Attempt, plan: Plan) -> float:
    """Return the seconds of talk that a call can come to at most.

    One that stays up lasts through the steps before its end, and where one of these waits for an
    answer, nobody knows how long; then only the scenario's timeout is certain.
    """
    action = attempt.action
    if isinstance(action, Call) and (action.hangup_after is not None or action.ring_for):
        return planned_talk(attempt, plan)
    seconds = 0.0
    for later in (other.action for other in plan.attempts[attempt.index + 1 :]):
        if isinstance(later, Hangup | Cancel) and later.call == attempt.index:
            return seconds
        if not isinstance(later, Talk | Wait):
            return plan.timeout
        seconds += later.duration
    return seconds


def talk_of(trace: Trace, now: float) -> float:
    """Return the seconds from the answer of a call to its BYE, or to ``now`` without one."""
    final = trace.final()
    if final is None or not 200 <= final.status < 300:
        return 0.0
    byes = (event.at for _, event, message in trace.messages() if message.method == "BYE")
    return max(0.0, min(byes, default=now) - final.at)


def asked_to_wait(trace: Trace) -> float | None:
    """Return the seconds of Retry-After in the final response, or None (RFC 3261 §20.33)."""
    final = trace.final()
    if final is None:
        return None
    value = trace.message(final.index).first("Retry-After") or ""
    found = re.match(r"\s*(\d{1,9})\s*(?:[;(]|$)", value)
    return float(found[1]) if found else None
