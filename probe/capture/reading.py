"""Everything in a capture that a diagnosis can use: messages, ICMP errors, names, connections."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field

from probe.capture.file import CaptureError, Frame, frames
from probe.capture.packets import (
    Datagram,
    End,
    IcmpError,
    Packets,
    datagram,
    icmp_error,
    segment,
)
from probe.capture.stream import START, Connection, Streams
from probe.sip.message import MalformedMessageError, SipMessage, parse_message
from probe.sip.redact import Redactor

TWICE_S = 0.02
"""A datagram that comes again this soon was captured twice: the shortest timer is 0.5 s (T1)."""

DNS = 53
SIP_PORTS = frozenset({5060, 5061})
"""Ports of SIP (RFC 3261 §19.1.2); every other port at which a message was seen counts too."""

_SIP_WORD = b"SIP/2.0"


class Message(Struct, frozen=True, kw_only=True):
    """A SIP message between two ends."""

    at: float
    "Seconds since 1970."

    frame: int
    "Number of the frame that completed it."

    transport: str
    "UDP or TCP."

    source: End
    "Who sent it."

    target: End
    "To whom."

    text: str
    "The message without secrets, decoded with surrogateescape."

    parsed: SipMessage
    "The same, readable."


class Answer(Struct, frozen=True, kw_only=True):
    """A look-up of a host's addresses that was captured."""

    at: float
    "When the answer came, seconds since 1970."

    asker: str
    "Address of who asked."

    name: str
    "The name, in small letters without a final dot."

    addresses: tuple[str, ...]
    "What came back."

    error: str | None
    "unknown, empty, failed, or None."

    detail: str
    "The server's answer in words."

    took_s: float
    "Seconds since the question; 0 where that was not captured."


class Capture(Struct, kw_only=True):
    """A capture, read to its end or to where it is cut short."""

    name: str
    "The file as given."

    messages: list[Message] = field(default_factory=list)
    "SIP messages in the order of time."

    errors: list[IcmpError] = field(default_factory=list)
    "ICMP errors that quote UDP or TCP."

    answers: list[Answer] = field(default_factory=list)
    "Look-ups of addresses."

    connections: list[Connection] = field(default_factory=list)
    "TCP connections."

    began: float = 0.0
    "When its first frame was captured, seconds since 1970."

    ended: float = 0.0
    "When its last one was."

    frames: int = 0
    "How many there are."

    twice: int = 0
    "Datagrams that were captured twice."

    unreadable: int = 0
    "Messages whose first line or Call-ID cannot be read."

    gaps: int = 0
    "Places where bytes of a TCP stream are missing."

    fragments: int = 0
    "Datagrams of which fragments are missing."

    links: tuple[int, ...] = ()
    "Link types that are not understood."

    cut_short: str = ""
    "Why reading ended before the end; empty where it did not."

    ports: frozenset[int] = SIP_PORTS
    "Ports at which somebody listens for SIP."


def read(path: Path) -> Capture:
    """Read a capture file; raise CaptureError where not a single frame can be read."""
    return _Reader(str(path)).read(frames(path))


class _Reader:
    """Collects what frames hold."""

    def __init__(self, name: str) -> None:
        self._seen = Capture(name=name)
        self._packets = Packets()
        self._streams = Streams()
        self._redactor = Redactor()
        self._recent: dict[tuple[End, End, bytes], float] = {}
        self._asked: dict[tuple[str, int, bytes], float] = {}

    def read(self, source: Iterable[Frame]) -> Capture:
        seen = self._seen
        try:
            for frame in source:
                if not seen.frames:
                    seen.began = frame.at
                seen.frames += 1
                seen.began = min(seen.began, frame.at)
                seen.ended = max(seen.ended, frame.at)
                self._frame(frame)
        except CaptureError as error:
            if not seen.frames:
                raise
            seen.cut_short = str(error)
        seen.messages.sort(key=lambda message: message.at)  # several interfaces, several clocks
        seen.answers.sort(key=lambda answer: answer.at)
        seen.ports |= {m.target.port for m in seen.messages if m.parsed.is_request}
        seen.connections = self._streams.connections
        seen.gaps = self._streams.gaps
        seen.fragments = self._packets.missing
        seen.links = tuple(sorted(self._packets.links))
        return seen

    def _frame(self, frame: Frame) -> None:
        packet = self._packets.of(frame)
        if packet is None:
            return
        if packet.protocol == 17:
            if _SIP_WORD in packet.data:
                self._datagram(datagram(packet))
            elif DNS.to_bytes(2, "big") in {packet.data[:2], packet.data[2:4]}:
                self._name(datagram(packet))
        elif packet.protocol == 6:
            part = segment(packet)
            if part is not None:
                for last, message in self._streams.feed(part):
                    self._message(last.at, last.frame, "TCP", last.source, last.target, message)
        else:
            error = icmp_error(packet)
            if error is not None:
                self._seen.errors.append(error)

    def _datagram(self, sent: Datagram | None) -> None:
        if sent is None:
            return
        data = sent.data.lstrip(b"\r\n")
        if not START.match(data) and not re.match(rb"[^\r\n]{1,2000}SIP/2\.0", data):
            return
        key = (sent.source, sent.target, data)
        before = self._recent.get(key)
        self._recent[key] = sent.at
        if len(self._recent) > 1000:
            limit = sent.at - TWICE_S
            self._recent = {k: at for k, at in self._recent.items() if at >= limit}
        if before is not None and abs(sent.at - before) < TWICE_S:
            self._seen.twice += 1
            return
        self._message(sent.at, sent.frame, "UDP", sent.source, sent.target, data)

    def _message(  # noqa: PLR0913, PLR0917 - what is known of a message
        self, at: float, frame: int, transport: str, source: End, target: End, data: bytes
    ) -> None:
        text = self._redactor.message(data.decode("utf-8", "surrogateescape"))
        try:
            parsed = parse_message(text)
        except MalformedMessageError:
            self._seen.unreadable += 1
            return
        if not parsed.call_id:
            self._seen.unreadable += 1
            return
        self._seen.messages.append(
            Message(
                at=at,
                frame=frame,
                transport=transport,
                source=source,
                target=target,
                text=text,
                parsed=parsed,
            )
        )

    def _name(self, sent: Datagram | None) -> None:
        """Take note of a DNS question, or of the answer to one for addresses."""
        if sent is None:
            return
        import dpkt.dns  # noqa: PLC0415 - many captures hold no DNS

        try:
            told = dpkt.dns.DNS(sent.data)
            question = told.qd[0]
            name = str(question.name).lower().rstrip(".")
        except Exception:  # noqa: BLE001 - dpkt raises whatever hostile bytes make it raise
            return
        if question.type not in {1, 28}:
            return
        if told.qr == 0:
            if len(self._asked) < 10_000:
                self._asked[sent.source.host, told.id, name.encode()] = sent.at
            return
        asked = self._asked.pop((sent.target.host, told.id, name.encode()), None)
        addresses = tuple(_addresses(told.an))
        error = None if addresses and told.rcode == 0 else _RCODES.get(told.rcode, "failed")
        if error == "empty" and question.type == 28:
            return  # a host without IPv6 is no fault
        self._seen.answers.append(
            Answer(
                at=sent.at,
                asker=sent.target.host,
                name=name,
                addresses=addresses,
                error=error,
                detail=f"DNS answer {told.rcode} from {sent.source.host}",
                took_s=0.0 if asked is None else max(0.0, sent.at - asked),
            )
        )


_RCODES = {0: "empty", 3: "unknown", 5: "refused"}
"""What an answer without an address means, by its RCODE (RFC 1035 §4.1.1)."""


def _addresses(records: Iterable[object]) -> Iterator[str]:
    import ipaddress  # noqa: PLC0415 - with DNS alone

    for record in records:
        raw = getattr(record, "ip", None) or getattr(record, "ip6", None)
        if isinstance(raw, bytes) and len(raw) in {4, 16}:
            yield str(ipaddress.ip_address(raw))
