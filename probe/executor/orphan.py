"""Ends calls that a dead worker left behind.

A worker that crashes in mid-call cannot send its BYE, and a call that nobody ends is billed until
the far end's timer runs out. The trace holds all that a BYE needs (RFC 3261 §12.2.1.1): the remote
target, the route set, the tags, the next CSeq. It is sent from the dead worker's own port where
that is free, a few times, until it is answered.

No name is looked up here: a resolver may take half a minute, and the supervisor would be deaf so
long. Where the peer's Contact or Record-Route names a host, the BYE takes the way of the INVITE.
"""

import contextlib
import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from probe.sip.message import MalformedMessageError, SipMessage, parse_message, uri_host
from probe.trace.failure import Failure
from probe.trace.trace import (
    AgentNote,
    Event,
    MessageEvent,
    MessageReceived,
    MessageSent,
    TransactionFailed,
    readable,
)

if TYPE_CHECKING:
    import socket

_DIED = frozenset({Failure.AGENT_CRASHED, Failure.AGENT_HUNG})

_STEP_S = 0.01
"""Distance of two looks for an answer where other plans go on meanwhile."""

WAITS_S = (0.5, 1.0, 2.0)
"""Waits between copies: timer E of RFC 3261 §17.1.2.2, cut after the third."""


class OpenCall(Struct, frozen=True, kw_only=True):
    """A call of ours that has no end in the trace."""

    invite: SipMessage
    "Our INVITE, the last copy with its own CSeq number."

    answer: SipMessage | None
    "The 2xx, or None while it rings."

    sent: MessageEvent
    "The event of the INVITE: transport and addresses."

    number: int = 0
    "The highest CSeq number that we used in it (RFC 3261 §12.2.1.1), 0 for that of the INVITE."


def open_calls(events: tuple[Event, ...], *, unheard: bool = False) -> tuple[OpenCall, ...]:
    """Return the calls that a peer took up and nobody ended, in the order of their INVITEs.

    Where not even a provisional response came there is nothing to end, and a CANCEL must not be
    sent (RFC 3261 §9.1). With ``unheard`` these are returned, too.
    """
    calls: dict[str, OpenCall] = {}
    taken_up: set[str] = set()
    for event, message in readable(events):
        key = message.call_id
        if message.method == "INVITE" and isinstance(event, MessageSent) and not message.to_tag:
            calls[key] = OpenCall(invite=message, answer=None, sent=event)
            taken_up.discard(key)
        elif key in calls and message.method == "BYE":
            del calls[key]
        elif key in calls and isinstance(event, MessageSent) and message.is_request:
            # PRACK, a re-INVITE: the BYE comes after them.
            calls[key] = replace(calls[key], number=max(calls[key].number, message.cseq[0]))
        elif key in calls and message.status and message.cseq == calls[key].invite.cseq:
            taken_up.add(key)
            if message.status >= 300:
                del calls[key]
            elif message.status >= 200:
                calls[key] = replace(calls[key], answer=message)
    return tuple(call for key, call in calls.items() if unheard or key in taken_up)


def unheard_invites(events: tuple[Event, ...]) -> tuple[SipMessage, ...]:
    """Return our INVITEs to which nothing had come back when the worker died.

    No CANCEL may be sent for them (RFC 3261 §9.1), so a phone that they reached rings on until the
    far end gives up. One that we gave up before is left out: it was waited for.
    """
    found: dict[str, SipMessage] = {}
    for event in events:
        if isinstance(event, TransactionFailed) and event.failure not in _DIED:
            found.pop(event.call_id, None)
        message = event.readable if isinstance(event, MessageEvent) else None
        if message is None:
            continue
        if message.method == "INVITE" and isinstance(event, MessageSent) and not message.to_tag:
            found[message.call_id] = message
        elif message.cseq[1] == "INVITE" and not message.is_request:
            found.pop(message.call_id, None)
    return tuple(found.values())


def end_call(
    call: OpenCall,
    clock: Callable[[], float],
    record: Callable[[Event], object],
    pause: Callable[[float], None] | None = None,
) -> bool:
    """Send BYE (or CANCEL) for an open call; return whether it was answered.

    ``pause`` lets other plans go on while the answer is waited for.

    UDP only: over TCP and TLS the connection went with the worker, and a note says so.
    """
    method = "CANCEL" if call.answer is None else "BYE"
    if call.sent.transport != "UDP":
        record(
            AgentNote(
                at=clock(),
                kind="cleanup",
                detail=f"the call's {call.sent.transport} connection went with the worker; "
                f"its {method} could not be sent: check at the trunk that the call ended",
            )
        )
        return False
    text = cancel_text(call.invite)
    if call.answer is not None:
        text = bye_text(call.invite, call.answer, call.number)
    host, port = next_hop(call)
    answered = exchange(call.sent.local, (host, port), text, clock, record, pause)
    record(
        AgentNote(
            at=clock(),
            kind="cleanup",
            detail=f"{method} sent for the call that the worker left behind: "
            + ("answered" if answered else "not answered, check at the trunk that it ended"),
        )
    )
    return answered


def cancel_text(invite: SipMessage) -> str:
    """Build the CANCEL of an INVITE (RFC 3261 §9.1): the same branch, route and CSeq number."""
    lines = [f"CANCEL {invite.request_uri} SIP/2.0", f"Via: {(invite.first('Via') or '')}"]
    lines += [f"Route: {route}" for route in invite.all("Route")]
    lines += [
        f"From: {invite.first('From')}",
        f"To: {invite.first('To')}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {invite.cseq[0]} CANCEL",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def bye_text(invite: SipMessage, answer: SipMessage, number: int = 0) -> str:
    """Build the BYE of a dialog that we opened (RFC 3261 §12.2.1.1, §15.1.1).

    ``number`` is the highest CSeq number used in it, where that is higher than the INVITE's.
    """
    return _in_dialog("BYE", max(number, invite.cseq[0]) + 1, invite, answer)


def ack_text(invite: SipMessage, answer: SipMessage) -> str:
    """Build the ACK of a 2xx (RFC 3261 §13.2.2.4)."""
    return _in_dialog("ACK", invite.cseq[0], invite, answer)


def _in_dialog(method: str, number: int, invite: SipMessage, answer: SipMessage) -> str:
    """Build a request in a dialog that we opened."""
    contact = uri_in(answer.first("Contact"))
    usable = contact and uri_host(contact)[0] and not re.search(r"[\x00-\x20\x7f]", contact)
    target = contact if usable else invite.request_uri
    via = (invite.first("Via") or "").split(";")[0]
    lines = [
        f"{method} {target} SIP/2.0",
        f"Via: {via};rport;branch=z9hG4bK-orphan-{number}{method[0]}-{invite.branch[-16:]}",
    ]
    lines += [f"Route: {route}" for route in reversed(split_values(answer.all("Record-Route")))]
    lines += [
        f"From: {invite.first('From')}",
        f"To: {answer.first('To')}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def next_hop(call: OpenCall) -> tuple[str, int]:
    """Return where the request goes: the first route, else the remote target (RFC 3263 §4).

    Only an address of one host is used as it stands: a name would have to be looked up, and a
    target that is no SIP URI leads nowhere. Then the request goes where the INVITE went.
    """
    if call.answer is not None:
        routes = split_values(call.answer.all("Record-Route"))
        host, number = uri_host(routes[-1] if routes else call.answer.first("Contact"))
        if is_host_address(host):
            return host, number or 5060
    host, _, port = call.sent.remote.rpartition(":")
    return host.strip("[]"), int(port)


def is_host_address(host: str) -> bool:
    """Whether a host is written as the address of one machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified)


def exchange(  # noqa: PLR0913, PLR0917 - a request, its way, and who is told
    local: str,
    remote: tuple[str, int],
    text: str,
    clock: Callable[[], float],
    record: Callable[[Event], object],
    pause: Callable[[float], None] | None = None,
) -> bool:
    """Send a request up to three times; return whether a final response came."""
    if not is_host_address(remote[0]):
        return False
    import socket  # noqa: PLC0415 - 6 ms, and a supervisor hardly ever speaks itself

    family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as wire:
        _bind(wire, local)
        shown = f"{remote[0]}:{remote[1]}"
        for wait in WAITS_S:
            try:
                wire.sendto(text.encode("utf-8", "surrogateescape"), remote)
            except (OSError, OverflowError, TypeError):
                return False  # the peer's Contact named an address or port that cannot be
            record(MessageSent(at=clock(), transport="UDP", local=local, remote=shown, text=text))
            limit = clock() + wait
            while (left := limit - clock()) > 0:
                wire.settimeout(left if pause is None else 0.0)
                try:
                    data, origin = wire.recvfrom(65535)
                except BlockingIOError:
                    if pause is not None:
                        pause(min(left, _STEP_S))
                    continue
                except OSError:
                    break
                answer = data.decode("utf-8", "surrogateescape")
                record(
                    MessageReceived(
                        at=clock(),
                        transport="UDP",
                        local=local,
                        remote=f"{origin[0]}:{origin[1]}",
                        text=answer,
                    )
                )
                if _is_final(answer, text):
                    return True
    return False


def _bind(wire: "socket.socket", local: str) -> None:
    """Take the dead worker's port, else any port of its address, else what the kernel chooses."""
    host, _, port = local.rpartition(":")
    for number in (port, "0"):
        with contextlib.suppress(OSError, ValueError):
            wire.bind((host.strip("[]"), int(number)))
            return


def _is_final(answer: str, request: str) -> bool:
    """Whether a message is a final response to a request of ours."""
    try:
        message, asked = parse_message(answer), parse_message(request)
    except MalformedMessageError:
        return False
    return (message.status or 0) >= 200 and message.cseq == asked.cseq


def split_values(values: tuple[str, ...]) -> list[str]:
    """Split comma-separated header values outside angle brackets."""
    found = []
    for value in values:
        found += [part.strip() for part in value.replace(">,", ">\n").split("\n")]
    return [part for part in found if part]


def uri_in(value: str | None) -> str | None:
    """Return the URI of a name-addr or addr-spec."""
    if value is None:
        return None
    if "<" in value:
        return value.partition("<")[2].partition(">")[0]
    return value.split(";")[0].strip()
