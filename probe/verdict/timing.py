"""Measures the delays of an attempt and holds them against their bounds.

RFC 6076 counts a challenge as part of the delay: §4.1 takes a registration from its first REGISTER
to the 200, whatever lies between, and §4.3 takes a session request from its initial INVITE to the
first response that tells the caller something. That is the first provisional response other than
100, a 200 where none came, or a failure; 401, 402 and 407 are no failures there.

A delay is the trunk's only as far as we looked. Where our own process stood still meanwhile, what
came over a connection was read late, and a far end on this machine may have stood still with us:
a bound that would hold without that time is left open.
"""

from collections.abc import Callable, Mapping

from probe.scenario.expectation import Bound, TimingName
from probe.scenario.source import NOWHERE, Source
from probe.sip.sdp import address_class
from probe.trace.trace import MessageEvent, Response, Stalled
from probe.verdict.observation import Complaint, Observation
from probe.verdict.verdict import Measured, Mismatch, Timing

_NO_STATUS = (401, 402, 407)
_ENDS = {
    "rrd": "no 200 to REGISTER",
    "srd": "no status",
    "pdd": "no 18x",
    "setup": "no 200 to INVITE",
    "total": "",
}


def measure(seen: Observation) -> Timing:
    """Return every delay of an attempt that its trace shows, in seconds."""
    trace = seen.trace
    ends = {name: seconds for name in _ENDS if (seconds := _delay(name, seen)) is not None}
    return Timing(
        rrd_s=ends.get("rrd"),
        srd_s=ends.get("srd"),
        pdd_s=ends.get("pdd"),
        setup_s=ends.get("setup"),
        total_s=round(trace.ended - trace.began, 6),
    )


def check_timing(
    bounds: Mapping[TimingName, Bound], seen: Observation, place: Source, *, explained: bool
) -> tuple[tuple[Measured, ...], tuple[Complaint, ...], tuple[str, ...]]:
    """Return every bound with its value, the bounds that were not kept, and warnings.

    ``explained`` says that something else already tells why an event did not come: then its bound
    is listed without a value and is no second mismatch.
    """
    measured: list[Measured] = []
    complaints: list[Complaint] = []
    warnings: list[str] = []
    for name, bound in bounds.items():
        value = _delay(name, seen)
        if value is None:
            state, observed = ("none" if explained else "fail"), _ENDS[name]
            evidence, doubt = seen.proof_of_absence(), ""
        else:
            state, observed = bound.check(value), f"{value:.3f} s"
            end = _end(name, seen)
            evidence = (*seen.requests[:1], *([end.index] if end is not None else []))
            doubt = _doubt(name, value, bound, seen)
            state = "none" if doubt else state
        measured.append(Measured(name=name, value_s=value, bound=bound.text, state=state))
        if state == "warn":
            warnings.append(f"{name} was {observed}: within {bound.text}, but barely")
        elif state == "fail" or doubt:
            mismatch = Mismatch(
                path=f"expect.timing.{name}",
                expected=bound.text,
                observed=observed,
                evidence=evidence,
                source=place if bound.source == NOWHERE else bound.source,
                message=f"expected {name} {bound.text}, got {observed}{doubt}",
            )
            complaints.append(
                Complaint(mismatch=mismatch, by_absence=value is None, ours=bool(doubt))
            )
    return tuple(measured), tuple(complaints), tuple(warnings)


def _doubt(name: str, value: float, bound: Bound, seen: Observation) -> str:
    """Return why nobody can say whether a bound was kept, or empty."""
    end = _end(name, seen)
    until = seen.trace.ended if end is None else end.at
    since = seen.trace.began if name == "total" else seen.trace.events[seen.requests[0]].at
    stalled = 0.0
    for event in seen.trace.events:
        if isinstance(event, Stalled):
            stalled += max(0.0, min(event.at, until) - max(event.at - event.seconds, since))
    if not stalled or not (name == "total" or _read_late(end, seen)):
        return ""
    without = max(0.0, value - stalled)
    if (bound.check(without) == "fail") == (bound.check(value) == "fail"):
        return ""
    return f", but our own process stood still for {stalled:.3f} s of it"


def _read_late(end: Response | None, seen: Observation) -> bool:
    """Whether a response may have been there before we noted it.

    The kernel says when a datagram arrived, and of a connection it does not. A far end on this
    machine shares its processors with us.
    """
    if end is None:
        return True
    message = seen.trace.events[end.index]
    if not isinstance(message, MessageEvent):
        return True
    host = message.remote.rpartition(":")[0]
    return message.transport != "UDP" or address_class(host) == "loopback"


def _delay(name: str, seen: Observation) -> float | None:
    """Return one delay in seconds, or None where the event that ends it never came."""
    if name == "total":
        return round(seen.trace.ended - seen.trace.began, 6)
    end = _end(name, seen)
    if end is None:
        return None
    return round(end.at - seen.trace.events[seen.requests[0]].at, 6)


def _end(name: str, seen: Observation) -> Response | None:
    """Return the response that ends a delay, or None."""
    if seen.trace.method != ("REGISTER" if name == "rrd" else "INVITE"):
        return None
    ends = _ENDED_BY.get(name)
    if ends is None:
        return None
    return next((response for response in seen.responses if ends(response.status)), None)


_ENDED_BY: dict[str, Callable[[int], bool]] = {
    "rrd": lambda status: 200 <= status < 300,
    "srd": lambda status: status > 100 and status not in _NO_STATUS,
    "pdd": lambda status: 180 <= status < 190,
    "setup": lambda status: 200 <= status < 300,
}
"""Which status ends a delay."""
