"""Digits that came as telephone-events (RFC 4733) or in SIP INFO; plain Python: always read."""

import re
from collections.abc import Iterable

from msgspec import Struct

from probe.rtp.sound import Kind, Packet
from probe.sip.message import SipMessage
from probe.trace.media import Digit

_DIGITS = "0123456789*#ABCD"
"""In the order of their events (RFC 4733 §3.2)."""


_SIGNAL = re.compile(r"^\s*(?:Signal\s*=\s*)?(?P<key>[0-9*#A-D])\s*$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(r"^\s*Duration\s*=\s*(?P<ms>\d{1,5})\s*$", re.IGNORECASE | re.MULTILINE)
_KINDS = frozenset({"application/dtmf-relay", "application/dtmf"})

_OVERLOAD_DBM0 = 6.18
"""The overload point of G.711 lies 6.18 dB above 0 dBm0 as a square wave (mu-law: 3.17 + 3.01)."""


class _Event(Struct):
    """What the packets of one event said."""

    code: int
    at: float
    volume: int
    duration: int
    clock_rate: int
    copies: int


def events(packets: Iterable[Packet]) -> tuple[Digit, ...]:
    """Return the digits, each once: all packets of one carry its timestamp (§2.5.1.2)."""
    found: dict[tuple[int, int, int], _Event] = {}
    for packet in packets:
        if packet.kind is not Kind.EVENT or len(packet.payload) < 4:
            continue
        code, flags = packet.payload[0], packet.payload[1]
        duration = int.from_bytes(packet.payload[2:4], "big")
        if code >= len(_DIGITS):
            continue
        event = found.setdefault(
            (packet.ssrc, packet.timestamp, code),
            _Event(code, packet.at, flags & 0x3F, duration, packet.clock_rate, 0),
        )
        event.at = min(event.at, packet.at)
        event.duration = max(event.duration, duration)
        event.copies += bool(flags & 0x80)
    return tuple(
        Digit(
            digit=_DIGITS[event.code],
            how="rfc4733",
            at=event.at,
            length_s=event.duration / event.clock_rate,
            level_dbov=-event.volume - _OVERLOAD_DBM0,
            ended=event.copies > 0,
            copies=max(event.copies, 1),
        )
        for event in sorted(found.values(), key=lambda one: one.at)
    )


def from_info(message: SipMessage, at: float) -> Digit | None:
    """Return the digit of an INFO with application/dtmf-relay or application/dtmf, or None."""
    kind = (message.first("Content-Type") or "").partition(";")[0].strip().lower()
    key = _SIGNAL.search(message.body) if kind in _KINDS else None
    if key is None:
        return None
    length = _DURATION.search(message.body)
    return Digit(
        digit=key["key"].upper(),
        how="info",
        at=at,
        length_s=None if length is None else int(length["ms"]) / 1000,
    )
