"""The ladder: who sent what to whom and when, as data that every format draws from.

One rung is one message, one fault or one fact of the connection. Retransmissions collapse into the
rung of the first copy, which counts them; the ACK of a challenge that we answered has none.
``draw`` makes the text form of it::

    probe                               sip.carrier.example
    0.000  ──── INVITE (SDP PCMU,G729) ─────▶
   +0.041  ◀─── 407 ────────────────────────   answered

The first time is absolute (seconds since the attempt began), each other one is the time since the
rung above it.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from probe.report.flow import acks_of
from probe.report.text import cells, cut, padded, plain, wrapped
from probe.report.way import way_label
from probe.sip.message import MalformedMessageError, SipMessage
from probe.sip.notification import event_package, facts_of
from probe.sip.sdp import NOT_AUDIO, SessionDescription
from probe.trace.control import ControlRan
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    Event,
    IcmpReceived,
    MessageEvent,
    MessageReceived,
    MessageSent,
    NameLookup,
    Stalled,
    Trace,
    TransactionFailed,
    TransportChanged,
)
from probe.verdict.verdict import Verdict

TIME_WIDTH = 9
ARROW_AT = 11
ARROW_WIDTH = 34
NOTE_LIMIT = 40
TIMES = "\N{MULTIPLICATION SIGN}"

FAULTS: Mapping[Failure, str] = {
    Failure.NO_RESPONSE: "no answer",
    Failure.NO_FINAL_RESPONSE: "no final answer",
    Failure.PORT_UNREACHABLE: "nothing listens on that port",
    Failure.HOST_UNREACHABLE: "the host cannot be reached",
    Failure.PROHIBITED: "a filter refuses our packets",
    Failure.NAME_RESOLUTION: "the name gave no address",
    Failure.NO_ROUTE: "this machine has no route there",
    Failure.LOCAL_PORT: "the local address or port could not be bound",
    Failure.TCP_REFUSED: "connection refused",
    Failure.TCP_TIMEOUT: "connection not answered",
    Failure.CONNECTION_LOST: "connection lost",
    Failure.TLS_CERTIFICATE: "the peer's certificate was refused",
    Failure.TLS_HANDSHAKE: "TLS handshake failed",
    Failure.MESSAGE_TOO_LONG: "our request is too long to send",
    Failure.UNUSABLE_ANSWER: "the answer could not be used, we hung up",
    Failure.RESPONSE_DISCARDED: "a response arrived that could not be read",
    Failure.NO_CALL: "no call reached us",
    Failure.NO_REQUEST: "waited in vain",
    Failure.AGENT_CRASHED: "our worker process crashed",
    Failure.AGENT_HUNG: "our worker process hung and was ended",
    Failure.AGENT_REFUSED: "our user agent would not do it",
    Failure.SCENARIO_DEADLINE: "the scenario's time was over",
    Failure.INTERRUPTED: "interrupted by the user",
    Failure.NOT_ATTEMPTED: "not attempted",
}
"""What a ladder says of each failure: what was seen, not what it means."""

_TOLD = ("state", "reason", "dialog_state", "basic", "messages_waiting", "sipfrag")
"""Facts of a NOTIFY that stand beside its name."""

_COUNTED = ("voice", "fax")
"""Message classes whose counts stand beside a NOTIFY."""

_WAITED = (Failure.NO_RESPONSE, Failure.NO_FINAL_RESPONSE, Failure.TCP_TIMEOUT)

_ICMP4 = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 9): "network prohibited",
    (3, 10): "host prohibited",
    (3, 13): "administratively prohibited",
    (11, 0): "time exceeded",
}
"""ICMP types and codes (RFC 792, RFC 1812 §5.2.7.1)."""

_ICMP6 = {
    (1, 0): "no route",
    (1, 1): "administratively prohibited",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (2, 0): "packet too big",
    (3, 0): "time exceeded",
}
"""ICMPv6 types and codes (RFC 4443 §3)."""


class Direction(Enum):
    """Which way a rung points."""

    SENT = "sent"
    "From us to the peer."

    RECEIVED = "received"
    "From the peer, or a host on the way, to us."

    NONE = "none"
    "Neither: a fault or a fact about a connection or about our own agent."


class Rung(Struct, frozen=True, kw_only=True):
    """One line of the ladder."""

    event: int
    "Index of the event in the trace; of the first copy where it was retransmitted."

    direction: Direction
    "Which way it points."

    label: str
    "What it is, on one line, without control characters."

    at: float
    "Seconds since the attempt began."

    note: str = ""
    "What is worth knowing beside it: ``answered``, a delay that ends here."

    mark: str = ""
    "``✓`` where a bound held here, ``✗`` where something was not as expected, ``!`` for a warning."

    copies: int = 1
    "How often it was seen, the first copy included."


def ladder(trace: Trace, verdict: Verdict | None = None) -> tuple[Rung, ...]:
    """Return the rungs of a trace in order; with a verdict, delays and faults are marked."""
    base = min([trace.began, *(event.at for event in trace.events[:1])])
    answered = frozenset(trace.answered_challenges())
    hidden = acks_of(trace, answered)
    rungs: list[Rung] = []
    first_copies: dict[tuple[object, ...], int] = {}
    places: dict[int, int] = {}
    for index, event in enumerate(trace.events):
        copy = _copy_of(event)
        place = first_copies.get(copy, len(rungs)) if copy is not None else len(rungs)
        if place < len(rungs) and _may_repeat(event):
            rungs[place] = replace(rungs[place], copies=rungs[place].copies + 1)
            places[index] = place
            continue
        told_elsewhere = index in hidden or isinstance(event, ControlRan)
        rung = None if told_elsewhere else _rung(trace, index, event, answered)
        if rung is None:
            continue
        if copy is not None:
            first_copies[copy] = len(rungs)
        places[index] = len(rungs)
        rungs.append(replace(rung, at=max(0.0, round(event.at - base, 6))))
    for index, (note, mark) in _remarks(trace, verdict).items() if verdict else ():
        if index in places:
            rung = rungs[places[index]]
            rungs[places[index]] = replace(
                rung,
                note="  ".join(part for part in (rung.note, note) if part),
                mark=mark or rung.mark,
            )
    return tuple(rungs)


def _copy_of(event: Event) -> tuple[object, ...] | None:
    """Return what the copies of an event have in common, or None where copies do not matter."""
    if isinstance(event, MessageEvent):
        return (isinstance(event, MessageSent), event.text)
    if isinstance(event, IcmpReceived):
        return (event.offender, event.remote, event.icmp_type, event.icmp_code)
    return None


def _may_repeat(event: Event) -> bool:
    """Say whether an event may be a copy: the trace marks messages, ICMP errors just repeat."""
    return not isinstance(event, MessageEvent) or event.retransmission


def _rung(trace: Trace, index: int, event: Event, answered: frozenset[int]) -> Rung | None:
    """Return the rung of one event without its time, or None where it is not worth one."""
    direction, label, note, mark = Direction.NONE, "", "", ""
    match event:
        case MessageSent() | MessageReceived():
            direction = Direction.SENT if isinstance(event, MessageSent) else Direction.RECEIVED
            label = message_label(event, answered=index in answered)
            note = "answered" if index in answered else ""
        case IcmpReceived():
            direction, mark = Direction.RECEIVED, "✗"
            label = _icmp(event)
            note = "" if _host(event.remote) == event.offender else f"from {event.offender}"
        case TransactionFailed():
            label, mark = _fault(trace, event), "✗"
        case NameLookup() | DnsAnswer() | NextHop():
            way = way_label(event)
            if way is None:
                return None
            label, mark = way
        case TransportChanged():
            if event.state == "disconnected" and not event.error and not event.certificate:
                return None
            label, mark = _connection(event), "✗" if event.state == "disconnected" else ""
        case BytesDropped():
            direction, mark = Direction.RECEIVED, "✗"
            label, note = f"{event.size} bytes, not SIP", event.detail
        case AgentNote() | Stalled() | ControlRan():  # pragma: no branch - no other kind is left
            label, mark = _own_note(event)
    return Rung(
        event=index,
        direction=direction,
        label=plain(label),
        at=event.at,
        note=plain(note, NOTE_LIMIT),
        mark=mark,
    )


def _own_note(event: AgentNote | Stalled | ControlRan) -> tuple[str, str]:
    """Return label and mark of a fact about our own agent, or of what was asked afterwards."""
    if isinstance(event, ControlRan):
        return f"asked {event.target}: {event.result}", ""
    if isinstance(event, Stalled):
        return f"our own process stood still for {event.seconds:.3f} s", ""
    return f"{event.kind}: {event.detail}", "✗" if event.kind in {"crash", "hang"} else ""


def message_label(event: MessageEvent, *, answered: bool = False) -> str:
    """Return the few words that stand for one message, e.g. ``INVITE (SDP PCMU,G729)``."""
    try:
        message = event.message
    except MalformedMessageError:
        return plain("not SIP: " + event.text.lstrip().partition("\n")[0].strip(), 60)
    offer = _codecs(message.sdp)
    if message.is_request:
        tail = " + credentials" if message.has_credentials else offer or _event(message)
        return plain(f"{message.method}{tail}", 80)
    status, tail = message.status, _telling_field(message) or offer
    if not tail and not answered and message.reason:
        tail = f" {message.reason}"
    return plain(f"{status}{tail}", 80)


def _event(message: SipMessage) -> str:
    """Return what a SUBSCRIBE asks for, or a NOTIFY says, with a space before it."""
    package = event_package(message)
    if not package or message.method not in {"SUBSCRIBE", "NOTIFY", "PUBLISH"}:
        return ""
    if message.method == "SUBSCRIBE":
        ends = (message.first("Expires") or "").strip() == "0"
        return f" {package}{' Expires: 0' if ends else ''}"
    found = facts_of(message)
    said = [value for name in _TOLD for value in found.get(name, ())]
    counts = [
        f"{found[f'{kind}_new'][0]}/{found[f'{kind}_old'][0]}"
        for kind in _COUNTED
        if f"{kind}_new" in found
    ]
    return " ".join(["", package, *said, *counts])


def _telling_field(message: SipMessage) -> str:
    """Return the header field that says more than the reason phrase, with a space before it."""
    status = message.status or 0
    name = "Retry-After"
    if 300 <= status < 400:
        name = "Contact"
    elif status == 423:
        name = "Min-Expires"
    value = message.first(name) if status >= 300 else None
    return f" {name}: {value}" if value else ""


def _codecs(description: SessionDescription | None) -> str:
    """Return `` (SDP PCMU,G729)`` for a description with audio, empty for none."""
    if description is None:
        return ""
    audio = description.audio
    names = [name for name in audio.codecs if name not in NOT_AUDIO] if audio else []
    return f" (SDP {','.join(names) or 'without audio'})"


def _icmp(event: IcmpReceived) -> str:
    table = _ICMP6 if ":" in event.offender else _ICMP4
    name = table.get((event.icmp_type, event.icmp_code), "error")
    return f"ICMP {name} ({event.icmp_type}/{event.icmp_code})"


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _connection(event: TransportChanged) -> str:
    if event.state == "connected":
        return f"{event.transport} connected {event.tls}".rstrip()
    if event.state == "accepted":
        return "TCP connected, TLS handshake begins"
    if event.certificate:
        return f"{event.transport} certificate refused: {'; '.join(event.certificate)}"
    return f"{event.transport} disconnected: {event.error}"


def _fault(trace: Trace, event: TransactionFailed) -> str:
    """Return what the ladder says of a failure, with how long was waited and whose deadline."""
    words = FAULTS[event.failure]
    if event.failure in _WAITED:
        words += f" for {event.at - _waiting_since(trace, event):.1f} s"
    elif event.detail:
        words += f": {event.detail}"
    deadline = (event.deadline or "").replace("=", " ").split()
    return f"{words} ({deadline[0].rstrip(':')})" if deadline else words


def _waiting_since(trace: Trace, failed: TransactionFailed) -> float:
    """Return when the wait began: at the first request, or at the first provisional response."""
    for _, event, message in trace.messages():
        if failed.call_id and message.call_id != failed.call_id:
            continue
        provisional = message.status is not None and message.status < 200
        if failed.failure is Failure.NO_FINAL_RESPONSE:
            begins = provisional
        else:
            begins = message.method == failed.method
        if begins:
            return event.at
    return trace.began


def _remarks(trace: Trace, verdict: Verdict) -> dict[int, tuple[str, str]]:
    """Return (note, mark) by event index: delays where they end, ✗ where a mismatch is proved."""
    found: dict[int, tuple[str, str]] = {}
    states = {measured.name: measured.state for measured in verdict.measured}
    for name, value, index in _delays(trace, verdict):
        mark = {"ok": "✓", "warn": "!", "fail": "✗"}.get(states.get(name, "none"), "")
        note, before = found.get(index, ("", ""))
        note = "  ".join(part for part in (note, f"{name} {value:.3f} s") if part)
        found[index] = (note, mark or before)
    for mismatch in verdict.mismatches:
        if mismatch.evidence:
            last = mismatch.evidence[-1]
            found[last] = (found.get(last, ("", ""))[0], "✗")
    return found


def _delays(trace: Trace, verdict: Verdict) -> list[tuple[str, float, int]]:
    """Return (name, seconds, index of the event that ends it) of the delays worth a note."""
    responses = trace.responses()
    ringing = next((r.index for r in responses if 180 <= r.status < 190), None)
    success = next((r.index for r in responses if 200 <= r.status < 300), None)
    timing = verdict.timing
    ends = {
        "INVITE": (("pdd", timing.pdd_s, ringing), ("setup", timing.setup_s, success)),
        "REGISTER": (("rrd", timing.rrd_s, success),),
    }.get(trace.method, ())
    return [
        (name, value, index)
        for name, value, index in ends
        if value is not None and index is not None
    ]


def draw(
    rungs: Sequence[Rung], *, peer: str, us: str = "probe", width: int = 80
) -> tuple[str, ...]:
    """Return the ladder as lines of text, at most ``width`` columns where the labels allow it."""
    arrows = [rung for rung in rungs if rung.direction is not Direction.NONE]
    notes = max((cells(_beside(rung)) for rung in arrows), default=0)
    room = max(ARROW_WIDTH, width - ARROW_AT - 2 - notes)
    arrow = min(room, max([ARROW_WIDTH, *(cells(_counted(rung)) + 9 for rung in arrows)]))
    lines = []
    if arrows:
        peer = cut(plain(peer), max(10, width - ARROW_AT - 10))
        column = max(ARROW_AT + 4, min(ARROW_AT + arrow - 5, width - cells(peer)))
        lines.append(padded(f"    {cut(plain(us), column - 6)}", column) + peer)
    before: float | None = None
    for rung in rungs:
        when = f"{rung.at:.3f}" if before is None else f"+{max(0.0, rung.at - before):.3f}"
        before = rung.at if before is None else max(before, rung.at)
        lead = when.rjust(TIME_WIDTH) + "  "
        if rung.direction is Direction.NONE:
            text = f"{rung.mark or '·'} {_counted(rung)}"
            lines += wrapped(text, max(30, width), first=lead, later=" " * (len(lead) + 2))
        else:
            lines.append((lead + padded(_arrow(rung, arrow), arrow + 2) + _beside(rung)).rstrip())
    return tuple(lines)


def _counted(rung: Rung) -> str:
    return f"{rung.label} {TIMES}{rung.copies}" if rung.copies > 1 else rung.label


def _beside(rung: Rung) -> str:
    return " ".join(part for part in (rung.note, rung.mark) if part)


def _arrow(rung: Rung, width: int) -> str:
    """Return an arrow of ``width`` columns with the label in it; one that comes in ends one short.

    The count of copies is kept where the label must be cut.
    """
    count = f" {TIMES}{rung.copies}" if rung.copies > 1 else ""
    label = cut(rung.label, width - 8 - len(count)) + count
    if rung.direction is Direction.SENT:
        return f"──── {label} {'─' * (width - 7 - cells(label))}▶"
    return f"◀─── {label} {'─' * (width - 7 - cells(label))} "
