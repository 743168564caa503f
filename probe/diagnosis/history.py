"""What the last good run of the same scenario looked like: a change since then is evidence."""

import re
from datetime import datetime

from msgspec import Struct

from probe.sip.message import SipMessage
from probe.trace.trace import (
    MessageReceived,
    MessageSent,
    NameLookup,
    Trace,
    TransportChanged,
)

_MOST_READ = 50
"""Messages of theirs that are looked at: a storm of them tells nothing new."""

_RECEIVED = re.compile(r";\s*received\s*=\s*\[?([0-9A-Fa-f.:]+)")


class Look(Struct, frozen=True, kw_only=True):
    """What of an attempt may change between two runs although nobody touched the scenario."""

    remote: str
    "Address that answered as ip:port, that we asked where none did; empty where nothing was sent."

    local: str
    "Our own address as ip:port; empty where nothing was sent."

    seen: str
    "Our address as they saw it (Via received, RFC 3581); empty where they did not say."

    transport: str
    "UDP, TCP or TLS; empty where nothing was sent."

    server: str
    "Server or User-Agent of the answer; empty where there was none."

    codec: str
    "Encoding name that was in use; empty where there was no audio."

    answered_after_s: float | None
    "Seconds to the first response, or None."

    tls: str
    "Protocol version and cipher; empty for none."

    addresses: tuple[str, ...]
    "What the name led to."


class Before(Look, frozen=True, kw_only=True):
    """The same step of the same scenario, in the last stored run in which it was met."""

    run_id: str
    "Id of that run."

    at: datetime
    "Aware UTC, when it began."

    outcomes_since: tuple[str, ...] = ()
    "Outcomes of the runs of this step since then, oldest first, or none where they are too many."

    refused_logins_since: int = 0
    "Logins of this account that were refused since then, by whatever step, as far as was read."


def look(trace: Trace) -> Look:
    """Return what a trace shows of both ends and of the way between them."""
    sent: MessageSent | None = None
    answers: list[tuple[MessageReceived, SipMessage]] = []
    for event in trace.events:
        if isinstance(event, MessageSent):
            sent = sent or event
        elif isinstance(event, MessageReceived) and len(answers) < _MOST_READ:
            message = event.readable
            answers += [] if message is None else [(event, message)]
    responses = [(event, message) for event, message in answers if not message.is_request]
    first = responses[0][0] if responses else None
    shown = first or sent or next((event for event, _ in answers), None)
    own = sent or shown
    return Look(
        remote=shown.remote if shown else "",
        local=own.local if own else "",
        seen=next(filter(None, (_seen(message) for _, message in reversed(responses))), ""),
        transport=shown.transport.upper() if shown else "",
        server=next(filter(None, (_server(message) for _, message in reversed(answers))), ""),
        codec=next((report.codec for report in trace.media if report.codec), ""),
        answered_after_s=max(0.0, first.at - sent.at) if first and sent else None,
        tls=next((e.tls for e in trace.events if isinstance(e, TransportChanged) and e.tls), ""),
        addresses=next(
            (e.addresses for e in reversed(trace.events) if isinstance(e, NameLookup)), ()
        ),
    )


def _seen(response: SipMessage) -> str:
    found = _RECEIVED.search((response.first("Via") or "").partition(",")[0])
    return found.group(1) if found else ""


def _server(message: SipMessage) -> str:
    return (message.first("Server") or message.first("User-Agent") or "").strip()
