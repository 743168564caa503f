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


MOST_CPS = 50.0
"""Calls a second to another machine at most, whatever the command asks for: a probe is no load."""

DEFAULT_CONCURRENT_CALLS = 1
"""Calls at a time: some providers give a new account two channels, and one is for its owner."""

DEFAULT_REQUEST_GAP_S = 1.0
"""Seconds between two REGISTER or OPTIONS to one host: more looks like a scan or a guess."""

DEFAULT_PORT = 5060
"""Stands for a port that is not written, so that one host is counted as one."""


def limits_of(
    profile: Profile, account: Account, target: str, cps: float | None = None
) -> Limits | None:
    """Return what holds for requests of an account to a target; None where nothing does.

    ``cps`` is the rate of calls that the command asks for: it takes the place of the default, and
    beside a rate of the profile the slower one holds. The embedded trunk and loopback hosts are
    exempt from the defaults, not from what is written; for them the pace of the run is enough.
    """
    host = account.host if account.proxy else uri_host(target)[0] or account.host
    exempt = is_loopback(host)
    caps = profile.caps if exempt else profile.caps or Caps()
    written = (
        profile.pace,
        _gap(caps.calls_per_second if caps else None),
        None if exempt else _gap(cps and min(cps, MOST_CPS)),
    )
    gaps = [gap for gap in written if gap]
    gap = max(gaps) if gaps else 0.0 if exempt else DEFAULT_GAP_S
    if caps is None and not gap:
        return None
    request_gap = _gap(caps.requests_per_second if caps else None)
    concurrent = caps.concurrent_calls if caps else None
    if not exempt:
        request_gap = request_gap or DEFAULT_REQUEST_GAP_S
        concurrent = concurrent or DEFAULT_CONCURRENT_CALLS
    return Limits(
        owner=f"{account.auth_user}@{account.registrar}",
        calls_per_run=caps.calls_per_run if caps else None,
        calls_per_day=caps.calls_per_day if caps else None,
        minutes_per_day=caps.minutes_per_day if caps else None,
        refused_logins_per_day=caps.refused_logins_per_day if caps else None,
        gap=gap,
        price=_price(caps),
        cost_per_run=caps.cost_per_run if caps else None,
        cost_per_day=caps.cost_per_day if caps else None,
        concurrent_calls=concurrent,
        host=f"{host.casefold()}:{account.port or DEFAULT_PORT}",
        request_gap=request_gap or 0.0,
    )


def _gap(rate: float | None) -> float | None:
    """Return the seconds between two requests of a rate a second."""
    return 1 / rate if rate else None


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
