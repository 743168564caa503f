"""What holds an attempt back before it leaves: caps of the run and of the day, refused logins.

Also how long a peer asked us to wait before another try.
"""

import re
from collections import Counter

from probe.executor.ledger import Admission, Ledger
from probe.plan.action import Account, Call, Options, Talk, Wait
from probe.plan.plan import Attempt, Limits, Plan
from probe.plan.rails import emergency_number
from probe.trace.trace import Trace

MOST_REFUSED_LOGINS = 2
"""Refused logins of one account that a run may make: door phones are known to ban after three."""


class Gate:
    """Counts what a run does; what holds for the day is in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._calls: Counter[str] = Counter()
        self._refused_logins: Counter[tuple[str, str]] = Counter()
        self._notes: list[str] = []

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

    def admit(self, limits: Limits, seconds: float) -> Admission:
        """Count a call with so many planned seconds of talk, or say why it may not be made."""
        made = self._calls[limits.owner]
        if limits.calls_per_run is not None and made >= limits.calls_per_run:
            return Admission(
                why_not=f"{made} calls were made in this run through this trunk, and"
                f" calls_per_run is {limits.calls_per_run}"
            )
        admission = self._ledger.admit(limits, seconds)
        if admission.why_not is None:
            self._calls[limits.owner] += 1
        return admission

    def withdraw(self, limits: Limits, admission: Admission) -> None:
        """Take back a call that was admitted and not placed."""
        self._calls[limits.owner] -= 1
        self._ledger.withdraw(admission.number)

    def talked(self, admission: Admission, seconds: float) -> None:
        """Say how long a call's talk was."""
        self._ledger.talked(admission.number, seconds)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()


def why_never(attempt: Attempt) -> str | None:
    """Say why a request never leaves, whoever made the plan, or return None.

    The plan has refused it already; this is the last look at the URI that would be sent.
    """
    if not isinstance(attempt.action, Call | Options):
        return None
    danger = emergency_number(attempt.action.target, public=attempt.provider is not None)
    if danger is None:
        return None
    return f"{attempt.action.target} would reach the emergency number {danger}"


def _login(account: Account) -> tuple[str, str]:
    return account.registrar, account.auth_user


def planned_talk(attempt: Attempt, plan: Plan) -> float:
    """Return the seconds of talk that a call is planned to have once it is answered."""
    action = attempt.action
    if isinstance(action, Call) and (action.hangup_after is not None or action.ring_for):
        return action.hangup_after or 0.0
    later = (other.action for other in plan.attempts if other.index > attempt.index)
    return sum(action.duration for action in later if isinstance(action, Talk | Wait))


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
