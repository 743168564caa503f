"""Offers and answers of a try, one row for each media section of each description."""

from collections.abc import Iterator

from msgspec import Struct

from probe.report.ladder import message_label
from probe.report.text import plain
from probe.sip.sdp import NOT_AUDIO, MediaDescription
from probe.trace.trace import MessageSent, Trace

MOST = 60
"""Rows of one view."""


class Described(Struct, frozen=True, kw_only=True):
    """One media section as somebody described it."""

    agent: str
    "Which of our agents saw it."

    event: int | None
    "Index of the message in the trace of the attempt; None for what another agent saw."

    message: str
    "The message in a few words."

    sent: bool
    "Whether we sent it."

    role: str
    "offer or answer (RFC 3264)."

    media: str
    "audio, video …"

    address: str
    "ip:port for RTP; ``refused`` where the port is 0."

    profile: str
    "RTP/AVP, RTP/SAVP …"

    direction: str
    "sendrecv, sendonly, recvonly or inactive."

    codecs: tuple[str, ...]
    "Encoding names in their order."

    common: tuple[bool, ...]
    "Of each codec, whether the other side named it as well; all true where nobody has yet."


def offers(trace: Trace, us: str) -> tuple[Described, ...]:
    """Return what was offered and answered, of our agent, then of the other ones."""
    found = list(_of_view(trace, us, own=True))[:MOST]
    for leg in trace.legs:
        found += list(_of_view(leg.trace, leg.agent, own=False))[:MOST]
    return tuple(found)


def _of_view(trace: Trace, agent: str, *, own: bool) -> Iterator[Described]:
    """Yield the descriptions of one view.

    A description in a request is an offer, and so is one in the answer to a request that held none
    (a late offer, whose answer stands in the ACK or PRACK): RFC 3261 §13.2.1.
    """
    offered: dict[tuple[str, int], bool] = {}
    late: set[str] = set()
    known: dict[tuple[str, bool], frozenset[str]] = {}
    for index, event, message in trace.messages():
        description = message.sdp
        number, _ = message.cseq
        if message.is_request and message.method != "ACK":
            offered.setdefault((message.call_id, number), description is not None)
        if description is None or event.retransmission:
            continue
        sent = isinstance(event, MessageSent)
        if message.is_request:
            role = "answer" if message.call_id in late else "offer"
            late.discard(message.call_id)
        else:
            role = "answer" if offered.get((message.call_id, number)) else "offer"
            late |= {message.call_id} if role == "offer" else set()
        for section in description.media:
            other = known.get((message.call_id + section.kind, not sent))
            known[message.call_id + section.kind, sent] = frozenset(_upper(section))
            yield Described(
                agent=plain(agent),
                event=index if own else None,
                message=message_label(event).partition(" (SDP")[0],
                sent=sent,
                role=role,
                media=plain(section.kind, 20),
                address=_address(section),
                profile=plain(section.profile, 40),
                direction=section.direction,
                codecs=tuple(plain(codec, 30) for codec in section.codecs[:40]),
                common=tuple(
                    role == "offer" or other is None or name in other or name in NOT_AUDIO
                    for name in _upper(section)[:40]
                ),
            )


def _upper(section: MediaDescription) -> tuple[str, ...]:
    """Return the encoding names as they are compared (RFC 4855 §3: case does not count)."""
    return tuple(name if name in NOT_AUDIO else name.upper() for name in section.codecs)


def _address(section: MediaDescription) -> str:
    if not section.port:
        return "refused (port 0)"
    return plain(f"{section.address or '?'}:{section.port}", 80)
