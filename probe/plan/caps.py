"""What calls through an account may come to at most, and how far apart they are.

The defaults hold for every account whose requests leave this machine: a mistake in a file must not
run up a bill or get an account banned. Why these figures: docs/decisions/0009-dialling-rails.md.
"""

from collections import Counter
from collections.abc import Iterable

from probe.plan.action import Account, Call
from probe.plan.plan import Attempt, Limits, Plan, Price
from probe.plan.rails import is_loopback
from probe.scenario.schema import Caps, Profile
from probe.scenario.source import Problem, Source
from probe.sip.message import uri_host

DEFAULT_GAP_S = 1.0
"""Least time between two calls to another machine: new accounts of providers get one a second."""


def limits_of(profile: Profile, account: Account, target: str) -> Limits | None:
    """Return what holds for requests of an account to a target; None where nothing does.

    The embedded trunk and loopback hosts are exempt from the defaults, not from what is written.
    """
    hop = account.host if account.proxy else uri_host(target)[0] or account.host
    exempt = is_loopback(hop)
    caps, gap = profile.caps, profile.pace
    if not exempt:
        caps, gap = caps or Caps(), DEFAULT_GAP_S if gap is None else gap
    if caps is None and gap is None:
        return None
    return Limits(
        owner=f"{account.auth_user}@{account.registrar}",
        calls_per_run=caps.calls_per_run if caps else None,
        calls_per_day=caps.calls_per_day if caps else None,
        minutes_per_day=caps.minutes_per_day if caps else None,
        refused_logins_per_day=caps.refused_logins_per_day if caps else None,
        gap=gap or 0.0,
        price=_price(caps),
        cost_per_run=caps.cost_per_run if caps else None,
        cost_per_day=caps.cost_per_day if caps else None,
    )


def _price(caps: Caps | None) -> Price | None:
    """Return what calls cost, where the profile says it."""
    if caps is None or not (caps.cost_per_minute or caps.cost_per_call):
        return None
    return Price(minute=caps.cost_per_minute, call=caps.cost_per_call, currency=caps.currency)


def too_many_calls(plans: Iterable[Plan]) -> tuple[Problem, ...]:
    """Return a problem for the first call of each account that is beyond ``calls_per_run``."""
    calls: Counter[str] = Counter()
    found: list[Problem] = []
    for attempt in (attempt for plan in plans for attempt in plan.attempts):
        limits = attempt.limits
        if limits is None or not isinstance(attempt.action, Call):
            continue
        calls[limits.owner] += 1
        if limits.calls_per_run is not None and calls[limits.owner] == limits.calls_per_run + 1:
            found.append(_beyond(attempt, limits.calls_per_run))
    return tuple(found)


def _beyond(attempt: Attempt, cap: int) -> Problem:
    source: Source = attempt.source
    return Problem(
        source=source,
        message=f"this is call {cap + 1} of the run, and a run may make {cap} through this trunk",
        hint="select fewer scenarios, or write caps: {calls_per_run: NUMBER} in the trunk profile",
    )
