"""Holds the NOTIFYs of a subscription, or those that a step awaits, against the file.

Where the file does not say more, an accepted SUBSCRIBE is followed by a NOTIFY, because the
notifier owes one at once (RFC 6665 §4.2.1.2), and one with ``Expires: 0`` by a NOTIFY that says
terminated (§4.4.1).
"""

from probe.scenario.expectation import Expectation
from probe.scenario.notify_expectation import NotifyExpectation
from probe.scenario.source import NOWHERE, Source
from probe.sip.message import SipMessage
from probe.sip.notification import Facts, all_hold, facts_of, holds, in_order, values_of
from probe.verdict.observation import Complaint, Observation, quote
from probe.verdict.verdict import Mismatch

_TERMINATED = (("state", "terminated"),)
_AT_MOST_SHOWN = 80


def check_notify(wanted: Expectation, seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check what NOTIFYs came, and what they say."""
    if not _concerned(seen):
        return ()
    came = tuple(seen.trace.received("NOTIFY"))
    if isinstance(wanted.notify, tuple):
        return _in_order(wanted, wanted.notify, came, seen, place)
    if seen.trace.serving or wanted.responses is not None or wanted.failure is not None:
        return ()
    return _by_default(came, seen, place)


def _by_default(came: tuple[int, ...], seen: Observation, place: Source) -> tuple[Complaint, ...]:
    """Check that a NOTIFY came, and that it says terminated where an end was asked for."""
    messages = tuple(map(seen.trace.message, came))
    ends = asks_for_the_end(seen)
    words = "a NOTIFY with state terminated" if ends else "a NOTIFY"
    if not came:
        return (_none(words, "expect.notify", seen, place),)
    if not ends or any(all_hold(_TERMINATED, message) for message in messages):
        return ()
    observed = f"state {facts_of(messages[-1]).get('state', ('absent',))[0]}"
    return (_complaint("expect.notify", words, observed, came[-1:], place),)


def asks_for_the_end(seen: Observation) -> bool:
    """Whether the last SUBSCRIBE wants no subscription to stand after it."""
    if not seen.requests:
        return False
    request = seen.trace.message(seen.requests[-1])
    return (request.first("Expires") or "").strip() == "0"


def _concerned(seen: Observation) -> bool:
    """Whether NOTIFYs are to be looked at: they were awaited, or a SUBSCRIBE was accepted."""
    if seen.trace.serving:
        return seen.trace.method == "NOTIFY" and bool(seen.requests)
    accepted = seen.final is not None and 200 <= seen.final.status < 300
    return seen.trace.method == "SUBSCRIBE" and accepted


def _in_order(
    wanted: Expectation,
    notify: tuple[NotifyExpectation, ...],
    came: tuple[int, ...],
    seen: Observation,
    place: Source,
) -> tuple[Complaint, ...]:
    """Return the first NOTIFY of the file that did not come, or nothing."""
    messages = tuple(map(seen.trace.message, came))
    places = in_order(tuple(one.wanted() for one in notify), messages)
    if None not in places:
        return ()
    number = places.index(None)
    missing = notify[number]
    begin = max((p + 1 for p in places[:number] if p is not None), default=0)
    path = f"expect.notify.{number}"
    which = f"NOTIFY {number + 1}" if len(notify) > 1 else "a NOTIFY"
    own = next(iter(missing.sources.values()), wanted.source("notify"))
    if begin >= len(messages):
        told = ", ".join(_words(name, value) for name, value in missing.wanted())
        return (
            _none(
                f"{which} with {told}" if told else which,
                path,
                seen,
                place if own == NOWHERE else own,
            ),
        )
    nearest = max(range(begin, len(messages)), key=lambda i: _likeness(missing, messages[i]))
    found = facts_of(messages[nearest])
    differing = [
        (name, value)
        for name, value in missing.wanted()
        if not holds(value, values_of(name, found, messages[nearest]))
    ]
    name = differing[0][0]
    source = missing.source(name.replace("header:", "headers."))
    expected = ", ".join(_words(*pair) for pair in differing)
    observed = ", ".join(_said(n, found, messages[nearest]) for n, _ in differing)
    if "unreadable" in found:
        observed += f" (the body cannot be read: {quote(found['unreadable'][0])})"
    return (
        _complaint(
            path,
            f"{which} with {expected}",
            observed,
            (came[nearest],),
            place if source == NOWHERE else source,
        ),
    )


def _likeness(wanted: NotifyExpectation, message: SipMessage) -> int:
    """Return how many facts of a NOTIFY are as expected."""
    found = facts_of(message)
    return sum(holds(v, values_of(n, found, message)) for n, v in wanted.wanted())


def _words(name: str, value: str) -> str:
    return f"{name.removeprefix('header:')} {value}"


def _said(name: str, found: Facts, message: SipMessage) -> str:
    """Return what a NOTIFY says of one fact."""
    values = values_of(name, found, message)
    shown = " and ".join(values)
    if len(shown) > _AT_MOST_SHOWN:
        shown = f"{shown[:_AT_MOST_SHOWN]}…"
    return f"{name.removeprefix('header:')} {quote(shown) if values else 'absent'}"


def _none(wanted: str, path: str, seen: Observation, place: Source) -> Complaint:
    """Return the complaint that no further NOTIFY came."""
    came = len(seen.trace.received("NOTIFY"))
    observed = "no NOTIFY" if not came else f"{came} NOTIFY, and no other after it"
    mismatch = _complaint(path, wanted, observed, seen.proof_of_absence(), place).mismatch
    return Complaint(mismatch=mismatch, by_absence=True)


def _complaint(
    path: str, wanted: str, observed: str, evidence: tuple[int, ...], place: Source
) -> Complaint:
    return Complaint(
        mismatch=Mismatch(
            path=path,
            expected=wanted,
            observed=observed,
            evidence=evidence,
            source=place,
            message=f"expected {wanted}, got {observed}",
        )
    )
