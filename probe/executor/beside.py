"""Which plans may be in progress at the same time, so that each comes out as it would by itself.

Three kinds of plans. One that only places calls by UDP and ends them *shares* its account's
process with others like it. One that leaves the account as it is but needs the agent for itself (it
listens, asks, or holds a connection) goes *beside* others, in a process of its own. One that
changes what the account is, or takes calls, is *alone*: with its accounts where it registers, and
at its servers where calls or requests are to reach it, because anybody's call may lead there.
"""

from collections import Counter
from enum import IntEnum

from probe.plan.action import (
    Account,
    Call,
    Cancel,
    Hangup,
    Hold,
    Options,
    Press,
    Refresh,
    Register,
    Talk,
    Unregister,
    Wait,
)
from probe.plan.asks import Ask, AskInCall
from probe.plan.plan import Attempt, Plan

_OUTBOUND = Call | Cancel | Hangup | Hold | Refresh | Press | AskInCall | Talk | Wait
_ASKS = Options | Ask
_REGISTERS = Register | Unregister


class Company(IntEnum):
    """What a plan can have beside it."""

    SHARES = 0
    "Others in the same process."

    BESIDE = 1
    "Others of the same account, in other processes."

    ALONE = 2
    "None of the same account."

    APART = 3
    "None at the same server."


class Place:
    """What a plan takes while it is in progress."""

    __slots__ = ("accounts", "company", "needs", "owners", "plan", "servers")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.company = company_of(plan)
        self.accounts = frozenset(map(account_of, plan.accounts))
        "What makes each of its accounts the same as another."
        self.servers = frozenset(map(server_of, plan.accounts))
        "Where its requests go."
        self.owners = frozenset(one.limits.owner for one in plan.attempts if one.limits is not None)
        "Whose calls count together."
        self.needs = _needs(plan)
        "For each owner with a cap on calls at a time: what it needs, and what there is."


def company_of(plan: Plan) -> Company:
    """Return what a plan can have beside it."""
    found = Company.SHARES
    for account in plan.accounts:
        if account.awaited:
            return Company.APART
        if account.transport != "UDP" or account.any_transport or account.srtp == "dtls":
            found = max(found, Company.BESIDE)
    found = max((found, *map(_of_attempt, plan.attempts)))
    if found is Company.BESIDE and any(a.bound is not None and a.bound[1] for a in plan.accounts):
        return Company.ALONE  # one process can have that port
    return found


def _of_attempt(attempt: Attempt) -> Company:
    action = attempt.action
    if attempt.prepares or getattr(action, "reaches", None) is not None:
        return Company.APART
    if isinstance(action, _OUTBOUND):
        listens = isinstance(action, Call) and action.hear is not None and action.hear.sound
        heard = attempt.expectation is not None and isinstance(action, Talk)
        return Company.BESIDE if listens or heard else Company.SHARES
    if isinstance(action, _ASKS):
        return Company.BESIDE
    return Company.ALONE if isinstance(action, _REGISTERS) else Company.APART


def most_calls(plan: Plan, owner: str) -> int:
    """Return how many calls of an owner's a plan can have up at a time."""
    most = stay = 0
    for attempt in plan.attempts:
        action, limits = attempt.action, attempt.limits
        if not isinstance(action, Call) or limits is None or limits.owner != owner:
            continue
        stays = action.hangup_after is None
        stay += stays
        most = max(most, stay + (not stays))
    return most


class Lanes:
    """Who is in progress, and who may join."""

    def __init__(self) -> None:
        self._accounts: Counter[tuple[str, str]] = Counter()
        self._servers: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._closed: set[object] = set()

    def admits(self, place: Place) -> bool:
        """Whether a plan may begin now."""
        if not self._closed.isdisjoint(place.accounts | place.servers):
            return False
        if place.company >= Company.ALONE and any(map(self._accounts.get, place.accounts)):
            return False
        if place.company is Company.APART and any(map(self._servers.get, place.servers)):
            return False
        return all(
            not self._calls[owner] or self._calls[owner] + need <= most
            for owner, (need, most) in place.needs.items()
        )

    def enter(self, place: Place) -> None:
        """Take note that a plan begins."""
        self._count(place, 1)
        if place.company is Company.APART:
            self._closed |= place.servers
        elif place.company is Company.ALONE:
            self._closed |= place.accounts

    def leave(self, place: Place) -> None:
        """Take note that nothing of a plan is up any more."""
        self._count(place, -1)
        if place.company is Company.APART:
            self._closed -= place.servers
        elif place.company is Company.ALONE:
            self._closed -= place.accounts

    def _count(self, place: Place, one: int) -> None:
        for account in place.accounts:
            self._accounts[account] += one
        for server in place.servers:
            self._servers[server] += one
        for owner, (need, _) in place.needs.items():
            self._calls[owner] += one * need


def _needs(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return, for each owner with a cap on calls at a time, what a plan needs and what there is."""
    found: dict[str, tuple[int, int]] = {}
    for attempt in plan.attempts:
        limits = attempt.limits
        if limits is not None and limits.concurrent_calls is not None and limits.owner not in found:
            found[limits.owner] = (most_calls(plan, limits.owner), limits.concurrent_calls)
    return found


def account_of(account: Account) -> tuple[str, str]:
    """Return what makes an account the same as another: where it is registered, and as whom."""
    return account.aor, account.registrar


def server_of(account: Account) -> str:
    """Return the server that an account's requests go to."""
    return f"{account.host.casefold()}:{account.port or 5060}"
