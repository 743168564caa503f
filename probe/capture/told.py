"""Stories as attempts and traces, ready to be judged and explained like those of a run."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timezone
from heapq import merge
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from probe.capture.dialog import Story, Us, group
from probe.capture.network import Faults, Tried, events_of, faults_of, tried
from probe.capture.reading import Answer, Capture, Message
from probe.capture.waiting import TIMER_B_S, TIMER_C_S, End, end_of
from probe.plan.action import Action, Call, Options, Register, Unregister
from probe.plan.plan import Attempt
from probe.scenario.source import NOWHERE
from probe.sip.message import SipMessage, uri_host
from probe.sip.sdp import address_class
from probe.trace.builder import EventLog
from probe.trace.failure import Failure
from probe.trace.trace import (
    Event,
    MessageReceived,
    MessageSent,
    NameLookup,
    Trace,
    TransactionFailed,
    TransportChanged,
)

LOOKUP_BEFORE_S = 60.0
"""How long before a request the look-up of its host may stand."""

MOST_LOOKUPS = 200
"""Look-ups before a request that are considered."""

_LONGEST_EXPIRES = 2**32 - 1


class Told(Struct, frozen=True, kw_only=True):
    """One attempt that a capture shows."""

    attempt: Attempt
    "What was tried; it knows no account."

    trace: Trace
    "What happened, seen from our side, without secrets."

    judged: Trace
    "The same seen from the side that asked: what a verdict is about."

    open: str
    "Why the capture cannot say how it ended; empty where it can."

    call_id: str
    "The Call-ID; empty where only a connection was tried."

    us: str
    "Our end as ip:port."

    them: str
    "Their end."

    frames: tuple[int, int]
    "Numbers of the first and the last frame."

    unknown: tuple[str, ...]
    "What no capture, or not this one, can say about it."

    notes: tuple[str, ...] = ()
    "What the reader should know of how it is told."


class Tale(Struct, frozen=True, kw_only=True):
    """Everything that a capture tells."""

    told: Iterator[Told]
    "Its attempts in the order of time, each made when it is asked for."

    notes: tuple[str, ...]
    "What holds for the whole capture."


def tell(capture: Capture, *, us: Us | None = None, provider: str | None = None) -> Tale:
    """Return what a capture tells; ``us`` is our address where the user gave it."""
    grouped = group(capture.messages, us)
    faults = faults_of(capture, grouped.stories)
    told = merge(
        (_told(story, capture, faults, provider) for story in grouped.stories),
        [_connection(one, capture, provider) for one in tried(capture, us)],
        key=_began,
    )
    return Tale(
        told=(
            replace(one, attempt=_numbered(one.attempt, index)) for index, one in enumerate(told)
        ),
        notes=tuple(_notes(capture, grouped.without_request, grouped.elsewhere)),
    )


def _began(told: Told) -> float:
    return told.trace.started_at.timestamp() + told.trace.began


def _numbered(attempt: Attempt, index: int) -> Attempt:
    return replace(
        attempt, index=index, step=index + 1, action=replace(attempt.action, attempt=index)
    )


def _told(story: Story, capture: Capture, faults: Faults, provider: str | None) -> Told:
    """Return one story; of what we were asked, calls that we ended are told from our side."""
    asking = _trace(story, capture, faults, turned=not story.sent_first)
    end = end_of(asking, capture.ended - asking.started_at.timestamp())
    asking = _ended(asking, end)
    ours = asking
    notes: tuple[str, ...] = ()
    inbound = not story.sent_first
    why = ""
    if inbound and (end.failure is not None or end.open):
        why = "ours gave no final response in the capture"
    elif inbound and story.method != "INVITE":
        why = "answers of our side are explained for calls only"
    if why:
        notes = (f"told from the side that asked: {why}",)
        inbound = False
        us, them = story.remote, story.local
    else:
        us, them = story.local, story.remote
        ours = _trace(story, capture, faults, turned=False) if inbound else asking
    frames = [message.frame for message, _ in story.messages]
    return Told(
        attempt=_attempt(story, inbound=inbound, provider=provider),
        trace=ours,
        judged=asking,
        open=end.open,
        call_id=story.call_id,
        us=str(us),
        them=str(them),
        frames=(min(frames), max(frames)),
        unknown=tuple(_unknown(story, capture, ours)),
        notes=notes,
    )


def _trace(story: Story, capture: Capture, faults: Faults, *, turned: bool) -> Trace:
    """Return what happened; ``turned`` tells it from the other side, without its faults."""
    found: list[tuple[float, Event]] = []
    lookups = [] if turned or not story.sent_first else list(_lookups(story, capture))
    base = min([story.first.at, *(answer.at for answer in lookups)])
    found += [(answer.at, _lookup(answer, base)) for answer in lookups]
    for message, sent in story.messages:
        found.append((message.at, _message(message, base, sent=sent is not turned)))
    if not turned:
        found += faults.events(story, base)
    log = EventLog()
    for _, event in sorted(found, key=lambda pair: pair[0]):
        log.add(event)
    events = log.all()
    return Trace(
        attempt=_label(story),
        method=story.method,
        agent=f"capture {Path(capture.name).name}",
        started_at=datetime.fromtimestamp(base, timezone.utc),
        began=round(story.first.at - base, 6),
        ended=max(event.at for event in events),
        events=events,
    )


def _ended(trace: Trace, end: End) -> Trace:
    """Return a trace with what ended it, at its place in time: before the CANCEL that followed."""
    if end.failure is None or end.failure.failure is not Failure.CONNECTION_LOST:
        kept = [e for e in trace.events if not isinstance(e, TransportChanged)]
        trace = replace(trace, events=tuple(kept))  # a connection may close when all is said
    if end.failure is None:
        return replace(trace, our_cancel=end.cancelled)
    at = end.failure.at
    own = {i for i in trace.sent("CANCEL") if trace.events[i].at == at}
    place = next(
        (i for i, event in enumerate(trace.events) if event.at > at or i in own),
        len(trace.events),
    )
    events = (*trace.events[:place], end.failure, *trace.events[place:])
    return replace(trace, events=events, ended=max(trace.ended, at), our_cancel=end.cancelled)


def _message(message: Message, base: float, *, sent: bool) -> Event:
    local, remote = (message.source, message.target) if sent else (message.target, message.source)
    kind = MessageSent if sent else MessageReceived
    return kind(
        at=round(message.at - base, 6),
        transport=message.transport,
        local=str(local),
        remote=str(remote),
        text=message.text,
    )


def _lookups(story: Story, capture: Capture) -> Iterator[Answer]:
    """Yield the look-ups that led to the first request: by us, shortly before, of its host."""
    host = _host_asked(story.first.parsed)
    until = bisect_right(capture.answers, story.first.at, key=lambda answer: answer.at)
    for answer in reversed(capture.answers[max(0, until - MOST_LOOKUPS) : until]):
        if story.first.at - answer.at > LOOKUP_BEFORE_S:
            return
        own = answer.asker == story.local.host
        if own and (answer.name == host or story.remote.host in answer.addresses):
            yield answer


def _lookup(answer: Answer, base: float) -> NameLookup:
    return NameLookup(
        at=round(answer.at - base, 6),
        name=answer.name,
        addresses=answer.addresses,
        error=answer.error,
        detail=answer.detail,
        took_s=round(answer.took_s, 6),
    )


def _host_asked(message: SipMessage) -> str:
    """Return the host that a request goes to: of its Route, else of its Request-URI."""
    return uri_host(message.first("Route") or message.request_uri)[0].lower().rstrip(".")


# The attempt ------------------------------------------------------------------------------------


def _attempt(story: Story, *, inbound: bool, provider: str | None) -> Attempt:
    direction = "register" if story.method == "REGISTER" else "outbound"
    return Attempt(
        index=0,
        step=1,
        label=_label(story),
        method=story.method,
        direction="inbound" if inbound else direction,
        action=_action(story),
        account=None,
        expectation=None,
        retry=None,
        source=NOWHERE,
        provider=provider,
    )


def _label(story: Story) -> str:
    words = {"INVITE": "call", "REGISTER": "register"}.get(story.method, story.method)
    when = datetime.fromtimestamp(story.first.at, timezone.utc)
    return f"{words} {story.subject} at {when:%H:%M:%S}.{when.microsecond // 1000:03}"


def _action(story: Story) -> Action:
    """Return what our side was doing, with the timers that a capture is held against."""
    target = story.first.parsed.request_uri or ""
    match story.method:
        case "INVITE":
            return Call(
                attempt=0, account="", target=target, timeout=TIMER_B_S, answer_within=TIMER_C_S
            )
        case "REGISTER":
            expires = _expires(story.first.parsed)
            if expires == 0:
                return Unregister(attempt=0, account="", timeout=TIMER_B_S)
            return Register(attempt=0, account="", timeout=TIMER_B_S, expires=expires)
        case "OPTIONS":
            return Options(attempt=0, account="", target=target, timeout=TIMER_B_S)
        case _:
            return Action(attempt=0, account="", timeout=TIMER_B_S)


def _expires(message: SipMessage) -> int:
    """Return the interval that a REGISTER asks for (RFC 3261 §10.2.1.1), by default 3600."""
    for text in (
        (message.first("Contact") or "").rpartition("expires=")[2],
        message.first("Expires") or "",
    ):
        digits = text.partition(";")[0].strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= 10:
            return min(int(digits), _LONGEST_EXPIRES)
    return 3600


# What a capture cannot say ----------------------------------------------------------------------


def _unknown(story: Story, capture: Capture, trace: Trace) -> Iterator[str]:
    yield "How our side is configured: a capture holds messages, no settings."
    host = _host_asked(story.first.parsed)
    asked = any(isinstance(event, NameLookup) for event in trace.events)
    if story.sent_first and address_class(host) == "name" and not asked:
        yield f"What DNS says of {host}: no look-up of it is in the capture."
    failed = trace.failure()
    silent = failed is None or failed.failure is Failure.NO_RESPONSE
    if silent and all(sent for _, sent in story.messages):
        yield "Whether an answer came another way: a capture shows what passed its interface."
    hosts = {story.local.host, story.remote.host}
    servers = sorted(
        {
            str(c.server)
            for c in capture.connections
            if c.tls and c.server.port in capture.ports and c.server.host in hosts
        }
    )
    if servers:
        yield f"What was said over TLS with {', '.join(servers[:3])}: it cannot be read."


def _connection(one: Tried, capture: Capture, provider: str | None) -> Told:
    """Return a connection that did not come to be, and so carried no request."""
    when = datetime.fromtimestamp(one.at, timezone.utc)
    label = f"connect to {one.server} at {when:%H:%M:%S}.{when.microsecond // 1000:03}"
    failed = TransactionFailed(
        at=round(one.ended - one.at, 6),
        method="",
        call_id="",
        failure=one.failure,
        stack_status=None,
        detail=one.words,
    )
    trace = Trace(
        attempt=label,
        method="",
        agent=f"capture {Path(capture.name).name}",
        started_at=when,
        began=0.0,
        ended=failed.at,
        events=(*events_of(one), failed),
    )
    attempt = Attempt(
        index=0,
        step=1,
        label=label,
        method="",
        direction="outbound",
        action=Action(attempt=0, account="", timeout=TIMER_B_S),
        account=None,
        expectation=None,
        retry=None,
        source=NOWHERE,
        provider=provider,
    )
    return Told(
        attempt=attempt,
        trace=trace,
        judged=trace,
        open="",
        call_id="",
        us=str(one.client),
        them=str(one.server),
        frames=(one.frame, one.frame),
        unknown=("Which request it was for: a connection that fails carries none.",),
        notes=(f"asked for {one.tries} times",) if one.tries > 1 else (),
    )


def _notes(capture: Capture, without_request: int, elsewhere: int) -> Iterator[str]:
    for number, words in (
        (capture.twice, "captured twice and counted once: {}"),
        (without_request, "messages whose request is not in the capture: {}"),
        (elsewhere, "messages between others than the two sides of their story: {}"),
        (capture.unreadable, "messages that cannot be read as SIP: {}"),
        (capture.gaps, "places where bytes of a TCP stream are missing: {}"),
        (capture.fragments, "datagrams of which a fragment is missing: {}"),
    ):
        if number:
            yield words.format(number)
    if capture.links:
        kinds = ", ".join(map(str, capture.links))
        yield f"frames of link types that are not read (LINKTYPE {kinds}) are left out"
