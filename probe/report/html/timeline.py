"""Where the time of a try went: look-ups, handshake, delays with their bounds, talk, teardown."""

from collections.abc import Iterator

from msgspec import Struct

from probe.report.bounds import read_bound
from probe.report.text import plain
from probe.trace.route import DnsAnswer
from probe.trace.trace import MessageEvent, NameLookup, Trace, TransportChanged
from probe.verdict.verdict import Measured, Verdict

MOST_LOOKUPS = 12
"""Look-ups that get a bar."""

_DELAYS = (
    ("rrd", "registration delay"),
    ("srd", "first answer beyond 100"),
    ("pdd", "post-dial delay"),
    ("setup", "set-up"),
)


class Span(Struct, frozen=True, kw_only=True):
    """One bar."""

    name: str
    "Its short name."

    about: str
    "What it is, in words."

    begins: float
    "Seconds since the attempt began."

    ends: float | None
    "The same for its end; None where the event that ends it never came."

    bound: str = ""
    "The bound in the words of the file; empty where none was set."

    least: float | None = None
    "The bound's lower end in seconds after the beginning."

    most: float | None = None
    "Its upper end."

    warn: float | None = None
    "Beyond this it held, but barely."

    state: str = ""
    "ok, warn, fail or none; empty without a bound."


def timeline(trace: Trace, verdict: Verdict) -> tuple[Span, ...]:
    """Return the bars of a try in the order in which they begin."""
    base = min([trace.began, *(event.at for event in trace.events[:1])])
    spans = [*_ways(trace, base), *_delays(trace, verdict, base), *_talk(trace, base)]
    spans.sort(key=lambda span: span.begins)
    total = next((m for m in verdict.measured if m.name == "total"), None)
    end = max(trace.ended - base, *(span.ends or 0.0 for span in spans), 0.0)
    spans.append(_span("total", "the whole attempt", 0.0, end, total))
    return tuple(spans)


def _ways(trace: Trace, base: float) -> Iterator[Span]:
    """Yield the bars of look-ups and handshakes."""
    accepted: dict[str, float] = {}
    looked_up = 0
    for event in trace.events:
        if isinstance(event, NameLookup | DnsAnswer) and looked_up < MOST_LOOKUPS:
            looked_up += 1
            kind = f"{event.kind} of " if isinstance(event, DnsAnswer) else ""
            about = plain(f"look-up: {kind}{event.name}", 120)
            yield Span(
                name="DNS",
                about=about,
                begins=max(0.0, event.at - event.took_s - base),
                ends=max(0.0, event.at - base),
            )
        elif isinstance(event, TransportChanged):
            if event.state == "accepted":
                accepted[event.remote] = event.at
            elif (began := accepted.pop(event.remote, None)) is not None:
                yield Span(
                    name="TLS",
                    about=plain(f"handshake with {event.remote} {event.tls}".rstrip(), 120),
                    begins=max(0.0, began - base),
                    ends=max(0.0, event.at - base),
                )


def _delays(trace: Trace, verdict: Verdict, base: float) -> Iterator[Span]:
    """Yield the delays that were measured, or that have a bound."""
    own = trace.client_transactions()
    begins = max(0.0, trace.events[own[0][1].request].at - base) if own else 0.0
    bounds = {measured.name: measured for measured in verdict.measured}
    for name, about in _DELAYS:
        value = getattr(verdict.timing, f"{name}_s")
        if value is not None or name in bounds:
            ends = None if value is None else begins + value
            yield _span(name, about, begins, ends, bounds.get(name))


def _span(
    name: str, about: str, begins: float, ends: float | None, measured: Measured | None
) -> Span:
    """Return a bar with its bound, where that is one that can be drawn."""
    if measured is None or not measured.bound:
        return Span(name=name, about=about, begins=begins, ends=ends)
    bound = read_bound(measured.bound)
    return Span(
        name=name,
        about=about,
        begins=begins,
        ends=ends,
        bound=plain(measured.bound, 120),
        least=bound.min if bound else None,
        most=bound.max if bound else None,
        warn=bound.warn if bound else None,
        state=measured.state,
    )


def _talk(trace: Trace, base: float) -> Iterator[Span]:
    """Yield talk and teardown of a call that was answered."""
    answered: float | None = None
    goodbye: tuple[int, float] | None = None
    for _, event, message in trace.messages():
        number, method = message.cseq
        status = message.status or 0
        if answered is None and method == "INVITE" and 200 <= status < 300:
            answered = event.at
        elif answered is not None and goodbye is None and message.method == "BYE":
            goodbye = (number, event.at)
            yield _bar("talk", "from the answer to the first BYE", answered - base, event.at - base)
        elif goodbye is not None and method == "BYE" and status >= 200 and number == goodbye[0]:
            yield _bar("teardown", "BYE to its answer", goodbye[1] - base, event.at - base)
            return
    if answered is not None and goodbye is None and trace.events:
        last = max(e.at for e in trace.events if isinstance(e, MessageEvent))
        yield _bar(
            "talk", "from the answer on; no BYE in this attempt", answered - base, last - base
        )


def _bar(name: str, about: str, begins: float, ends: float) -> Span:
    return Span(name=name, about=about, begins=max(0.0, begins), ends=max(0.0, ends))
