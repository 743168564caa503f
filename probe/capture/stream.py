"""TCP connections: bytes put in order, cut into SIP messages, and how each connection went.

A message is cut by its Content-Length (RFC 3261 §18.3). Where segments are missing in the capture,
or it begins in the middle of a message, reading goes on at the next start line.
"""

import re
from collections.abc import Iterator

from msgspec import Struct, field

from probe.capture.packets import End, Segment

MOST_PENDING = 256 * 1024
"""Bytes behind a gap that are kept; then the gap is taken for lost."""

MOST_PARTS = 500
"""Segments behind a gap that are kept."""

LONGEST_MESSAGE = 256 * 1024
"""Bytes of a message; what is longer is no SIP."""

MOST_CONNECTIONS = 20_000
"""Connections that are followed; of more, the oldest are let go."""

_METHODS = (
    rb"INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|PRACK|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|MESSAGE"
    rb"|UPDATE|SERVICE|BENOTIFY"
)
START = re.compile(
    rb"(?:SIP/2\.0 [1-6][0-9]{2}[ \r]"
    rb"|(?:" + _METHODS + rb") (?:sips?|tel|urn|im|pres):[^\r\n]{1,2000} SIP/2\.0\r?\n)"
)
"""How a SIP message begins."""

_LENGTH = re.compile(
    rb"^(?:Content-Length|l)[ \t]*:[ \t]*([0-9]{1,9})", re.IGNORECASE | re.MULTILINE
)
_END = re.compile(rb"\r?\n\r?\n")
_BEGINS = re.compile(rb"(?:" + _METHODS + rb") (?:sips?|tel|urn|im|pres):")
_NEXT = re.compile(rb"\n(?=" + START.pattern + rb")")
_LONGEST_LINE = 2048
_SHORTEST = 16  # bytes by which SIP is told from other protocols
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_HANDSHAKE, _ALERT = 22, 21


class Connection(Struct):
    """How one TCP connection went."""

    client: End
    "Who opened it; where its beginning was not captured, who sent first."

    server: End
    "The other end."

    began: float
    "When its first packet was captured, seconds since 1970."

    frame: int
    "Number of that frame."

    syns: int = 0
    "How often it was asked for."

    accepted_at: float | None = None
    "When SYN was answered by SYN, or None."

    refused_at: float | None = None
    "When SYN was answered by RST, or None."

    closed_at: float | None = None
    "When the first FIN or RST came, or None."

    closed_by: End | None = None
    "Who sent it."

    reset: bool = False
    "Whether it was RST."

    tls: bool = False
    "Whether it carries TLS, whose content cannot be read."

    alert: tuple[float, End, int] | None = None
    "A TLS alert in the clear: when, from whom, which description (RFC 8446 §6)."

    messages: int = 0
    "How many SIP messages were read from it."


class Streams:
    """All connections of a capture."""

    def __init__(self) -> None:
        self._open: dict[tuple[End, End], _Both] = {}
        self.connections: list[Connection] = []
        "Every connection in the order of its first packet."
        self.gaps = 0
        "How often bytes were missing in a stream that carried SIP."

    def feed(self, segment: Segment) -> Iterator[tuple[Segment, bytes]]:
        """Take a segment; yield the messages that it completes, with the segment that did."""
        both = self._both(segment)
        connection = both.connection
        forward = segment.source == connection.client
        if segment.flags & _SYN:
            both.syn(segment, forward=forward)
        if segment.data:
            stream = both.streams[0 if forward else 1]
            lost = stream.gaps
            for message in stream.add(segment.sequence, segment.data):
                connection.messages += 1
                yield segment, message
            self.gaps += stream.gaps - lost
            if stream.tls and not connection.tls:
                connection.tls = True
            if stream.alert is not None and connection.alert is None:
                connection.alert = (segment.at, segment.source, stream.alert)
        if segment.flags & (_FIN | _RST):
            both.end(segment, forward=forward)

    def _both(self, segment: Segment) -> "_Both":
        """Return the connection of a segment; a new SYN after its end begins another one."""
        key = min((segment.source, segment.target), (segment.target, segment.source))
        both = self._open.get(key)
        opens = segment.flags & (_SYN | _ACK) == _SYN
        if both is not None and opens and both.over:
            both = None
        if both is None:
            client, server = segment.source, segment.target
            if segment.flags & (_SYN | _ACK) == _SYN | _ACK:
                client, server = server, client
            both = _Both(Connection(client, server, segment.at, segment.frame))
            if len(self._open) >= MOST_CONNECTIONS:
                del self._open[next(iter(self._open))]
            self._open[key] = both
            self.connections.append(both.connection)
        return both


class _Both(Struct):
    """A connection and its two directions."""

    connection: Connection
    streams: "tuple[_Direction, _Direction]" = field(
        default_factory=lambda: (_Direction(), _Direction())
    )
    over: bool = False

    def syn(self, segment: Segment, *, forward: bool) -> None:
        """Take note of SYN, from either side."""
        if forward:
            self.connection.syns += 1
        elif self.connection.accepted_at is None:
            self.connection.accepted_at = segment.at
        self.streams[0 if forward else 1].expect((segment.sequence + 1) % 2**32)

    def end(self, segment: Segment, *, forward: bool) -> None:
        """Take note of FIN and RST."""
        connection = self.connection
        reset = bool(segment.flags & _RST)
        asked = connection.syns > 0 and connection.accepted_at is None
        if reset and not forward and asked and not connection.messages:
            connection.refused_at = connection.refused_at or segment.at
        elif connection.closed_at is None:
            connection.closed_at = segment.at
            connection.closed_by = segment.source
            connection.reset = reset
        self.over = True


class _Direction:
    """The bytes of one direction, in order, cut into messages."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._pending: dict[int, bytes] = {}
        self._held = 0  # bytes in it
        self._buffer = bytearray()
        self._due = 0  # bytes of the first message, where its head is known
        self._looked = 0  # where the end of its head was looked for
        self._other = False  # no SIP, or the middle of a message, until a start line comes
        self._line = b""  # what of a line was there then
        self.gaps = 0
        self.tls = False
        self.alert: int | None = None

    def expect(self, sequence: int) -> None:
        """Set where the stream begins."""
        if self._next is None:
            self._next = sequence

    def add(self, sequence: int, data: bytes) -> Iterator[bytes]:
        """Take the bytes at a sequence number and yield the messages that are whole now."""
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next + 2**31) % 2**32 - 2**31
        if ahead > 0:
            if len(data) <= len(self._pending.get(sequence, b"")):
                return  # a copy
            self._held += len(data) - len(self._pending.get(sequence, b""))
            self._pending[sequence] = data
            if self._held > MOST_PENDING or len(self._pending) > MOST_PARTS:
                yield from self._over_the_gap()
            return
        yield from self._in_order(data[-ahead:] if ahead else data)
        while self._pending:
            known = [
                (begin, (begin - self._next + 2**31) % 2**32 - 2**31) for begin in self._pending
            ]
            ready = [(begin, back) for begin, back in known if back <= 0]
            if not ready:
                return
            for begin, back in ready:
                held = self._pending.pop(begin)
                self._held -= len(held)
                yield from self._in_order(held[-back:] if back else held)

    def _over_the_gap(self) -> Iterator[bytes]:
        """Take what is missing for lost, and go on behind it."""
        self.gaps += not self._other
        self._held = 0
        self._clear()
        for begin in sorted(self._pending, key=lambda b: (b - (self._next or 0)) % 2**32):
            self._next = begin
            yield from self._in_order(self._pending.pop(begin))

    def _in_order(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        self._next = ((self._next or 0) + len(data)) % 2**32
        if self._other:
            self._look_for_alert(data)
            found = self._resumed(data)
            if found is None:
                return
            self._other, data = False, found
        self._buffer += data
        while (message := self._message()) is not None:
            yield message

    def _message(self) -> bytes | None:
        """Return the first message of the buffer where it is whole."""
        if len(self._buffer) < self._due or not self._begins():
            return None
        total = self._length()
        if total is None or len(self._buffer) < total:
            self._due = total or 0
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        self._due = self._looked = 0
        return message

    def _begins(self) -> bool:
        """Bring the buffer to the beginning of a message, or leave the stream alone."""
        buffer = self._buffer
        while not self._looked and buffer.startswith((b"\r", b"\n")):
            del buffer[: 2 if buffer[:2] == b"\r\n" else 1]
        if len(buffer) > 1 and buffer[0] in {_HANDSHAKE, _ALERT} and buffer[1] == 3:
            self._turn_away()
        if len(buffer) < _SHORTEST:
            return False
        if not START.match(buffer) and not self._may_become_sip():
            self._skip()
        return bool(buffer)

    def _length(self) -> int | None:
        """Return how long the first message is; None where that is not known yet."""
        end = _END.search(self._buffer, self._looked)
        if end is None:
            self._looked = max(0, len(self._buffer) - 3)
            if len(self._buffer) > LONGEST_MESSAGE:
                self._turn_away()
            return None
        length = _LENGTH.search(self._buffer, 0, end.end())
        total = end.end() + (int(length.group(1)) if length else 0)
        if total > LONGEST_MESSAGE:
            self._turn_away()
            return None
        return total

    def _may_become_sip(self) -> bool:
        """Whether the first line is not over yet and could still be a start line."""
        line = bytes(self._buffer[:_LONGEST_LINE])
        whole = b"\n" in line or len(line) == _LONGEST_LINE
        return not whole and _BEGINS.match(line) is not None

    def _skip(self) -> None:
        """Go on at the next start line, or leave the stream alone until one comes."""
        found = _NEXT.search(self._buffer)
        if found is None:
            self._turn_away()
            return
        self.gaps += 1
        del self._buffer[: found.end()]
        self._due = self._looked = 0

    def _turn_away(self) -> None:
        buffer = bytes(self._buffer)
        self._other = True
        if buffer[0] in {_HANDSHAKE, _ALERT} and buffer[1] == 3:
            self.tls = True
            self._look_for_alert(buffer)
        self._line = buffer[buffer.rfind(b"\n") :][:_LONGEST_LINE]
        self._clear()

    def _clear(self) -> None:
        self._buffer.clear()
        self._due = self._looked = 0

    def _resumed(self, data: bytes) -> bytes | None:
        """Return the bytes from the next start line on; None where none begins here."""
        if START.match(data):
            return data
        held = self._line + data
        found = _NEXT.search(held)
        if found is not None:
            return held[found.end() :]
        last = held.rfind(b"\n")
        self._line = held[last:] if last >= 0 and len(held) - last <= _LONGEST_LINE else b""
        return None

    def _look_for_alert(self, data: bytes) -> None:
        """Read the alert where a segment of TLS is one in the clear: two bytes, level and name."""
        if self.tls and self.alert is None and len(data) >= 7 and data[0] == _ALERT:
            fatal = data[1] == 3 and data[3:5] == b"\x00\x02" and data[5] == 2
            self.alert = data[6] if fatal else None
