"""Ends calls that reached a worker, were answered by it, and that it left behind when it died.

The INVITE of the peer and our 2xx hold all that a BYE of ours needs (RFC 3261 §12.1.1, §12.2.1.1):
the remote target is the Contact of the INVITE, the route set its Record-Route as it stands, our tag
is that of the 2xx.
"""

from collections.abc import Callable

from msgspec import Struct

from probe.executor.orphan import exchange, is_host_address, split_values, uri_in
from probe.sip.message import SipMessage, uri_host
from probe.trace.trace import AgentNote, Event, MessageEvent, MessageReceived, MessageSent, readable


class TakenCall(Struct, frozen=True, kw_only=True):
    """A call that reached us, that we answered, and that has no end in the trace."""

    invite: SipMessage
    "The peer's INVITE."

    answer: SipMessage
    "Our 2xx."

    received: MessageEvent
    "The event of the INVITE: transport and addresses."

    number: int = 0
    "The highest CSeq number that we used in it, 0 for none."


def taken_calls(events: tuple[Event, ...]) -> tuple[TakenCall, ...]:
    """Return the calls that we answered and nobody ended, in the order of their INVITEs."""
    invites: dict[str, tuple[SipMessage, MessageEvent]] = {}
    answers: dict[str, SipMessage] = {}
    numbers: dict[str, int] = {}
    for event, message in readable(events):
        key, (number, method) = message.call_id, message.cseq
        if isinstance(event, MessageReceived) and message.method == "INVITE" and not message.to_tag:
            invites[key] = (message, event)
        elif key not in invites:
            continue
        elif message.method == "BYE":
            invites.pop(key)
            answers.pop(key, None)
        elif isinstance(event, MessageSent) and message.is_request:
            numbers[key] = max(numbers.get(key, 0), number)
        elif method == "INVITE" and 200 <= (message.status or 0) < 300:
            answers[key] = message
    return tuple(
        TakenCall(invite=invite, answer=answers[key], received=event, number=numbers.get(key, 0))
        for key, (invite, event) in invites.items()
        if key in answers
    )


def taken_bye(call: TakenCall) -> str:
    """Build our BYE of a call that reached us."""
    target = uri_in(call.invite.first("Contact")) or uri_in(call.invite.first("From")) or ""
    host = call.received.local
    number = call.number + 1
    lines = [
        f"BYE {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {host};rport;branch=z9hG4bK-taken-{number}-{call.invite.branch[-16:]}",
    ]
    lines += [f"Route: {route}" for route in split_values(call.invite.all("Record-Route"))]
    lines += [
        f"From: {call.answer.first('To')}",
        f"To: {call.invite.first('From')}",
        f"Call-ID: {call.invite.call_id}",
        f"CSeq: {number} BYE",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def end_taken(
    call: TakenCall, clock: Callable[[], float], record: Callable[[Event], object]
) -> bool:
    """Send our BYE; return whether it was answered. UDP only: else the connection is gone."""
    if call.received.transport != "UDP":
        words = f"the {call.received.transport} connection went with the worker; no BYE was sent"
        record(AgentNote(at=clock(), kind="cleanup", detail=words))
        return False
    answered = exchange(call.received.local, _next_hop(call), taken_bye(call), clock, record)
    words = "answered" if answered else "not answered, check at the phone system that it ended"
    detail = f"BYE sent for a call that had reached the dead worker: {words}"
    record(AgentNote(at=clock(), kind="cleanup", detail=detail))
    return answered


def _next_hop(call: TakenCall) -> tuple[str, int]:
    """Return where the BYE goes: the first route, else the Contact, else whence the INVITE came."""
    routes = split_values(call.invite.all("Record-Route"))
    host, number = uri_host(routes[0] if routes else call.invite.first("Contact"))
    if is_host_address(host):
        return host, number or 5060
    host, _, port = call.received.remote.rpartition(":")
    return host.strip("[]"), int(port)
