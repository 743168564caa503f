"""TCP: bytes in order, cut into messages, whatever the segments look like."""

import random
import time

import pytest
from framebuilder import ACK, FIN, RST, SYN
from wirebuilder import OFFER, Wire, refused_call

from probe.capture import stream
from probe.capture.packets import End, Segment
from probe.capture.stream import Connection, Streams
from probe.trace.trace import MessageSent

CLIENT, SERVER = End("192.0.2.10", 41000), End("198.51.100.1", 5060)

MESSAGES = [
    event.text.encode()
    for event in Wire("INVITE", transport="TCP")
    .send("INVITE", body=OFFER)
    .send("ACK")
    .send("BYE", body=OFFER)
    .trace()
    .events
    if isinstance(event, MessageSent)
]
STREAM = b"".join(MESSAGES)
FIRST = 4_294_967_000
"""Sequence number of the first byte: the stream runs over 2**32."""


def part(begin: int, data: bytes, *, at: float = 1.0, flags: int = ACK) -> Segment:
    """Return a segment of the client that begins at a place of the stream."""
    return Segment(at, 1, CLIENT, SERVER, (FIRST + begin) % 2**32, flags, data)


def back(flags: int, *, at: float = 2.0, data: bytes = b"", seq: int = 50) -> Segment:
    """Return a segment of the server."""
    return Segment(at, 1, SERVER, CLIENT, seq, flags, data)


def read(*segments: Segment) -> list[bytes]:
    """Return the messages of segments."""
    streams = Streams()
    return [message for one in segments for _, message in streams.feed(one)]


def connection(*segments: Segment) -> Connection:
    """Return how the one connection of segments went."""
    streams = Streams()
    for one in segments:
        list(streams.feed(one))
    (found,) = streams.connections
    return found


SYNED = part(-1, b"", flags=SYN)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 536, 1460, 100_000])
def test_segments_of_any_size(size: int) -> None:
    """Messages are cut by their Content-Length and by nothing else."""
    parts = [part(i, STREAM[i : i + size]) for i in range(0, len(STREAM), size)]
    assert read(SYNED, *parts) == MESSAGES


def test_any_order_with_copies_and_overlaps() -> None:
    """What the network does to segments does not change the messages."""
    chance = random.Random(5)
    parts = [
        part(max(0, i - chance.randrange(40)), STREAM[max(0, i - 40) : i + 90])
        for i in range(0, 1, 90)
    ]
    for i in range(0, len(STREAM), 90):
        begin = max(0, i - chance.randrange(40))
        parts.append(part(begin, STREAM[begin : i + 90]))
    for _ in range(20):
        chance.shuffle(parts)
        assert read(SYNED, *parts, *parts[:5]) == MESSAGES


def test_time_is_that_of_the_segment_that_completes_a_message() -> None:
    """A message is there when its last byte is."""
    streams = Streams()
    half = len(MESSAGES[0]) // 2
    assert not list(streams.feed(part(0, STREAM[:half], at=1.0)))
    ((last, _),) = streams.feed(part(half, STREAM[half : len(MESSAGES[0])], at=3.5))
    assert last.at == 3.5


@pytest.mark.parametrize("cut", [1, 30, 200, 431])
def test_capture_that_begins_within_a_message(cut: int) -> None:
    """Reading begins with the next start line."""
    parts = [part(i, STREAM[i : i + 100]) for i in range(cut, len(STREAM), 100)]
    assert read(*parts) == MESSAGES[1:]


def test_bytes_that_are_missing() -> None:
    """Behind a gap that is never filled, reading goes on at the next start line, and it is told."""
    hole = len(MESSAGES[0]) - 50
    long = STREAM + MESSAGES[1] * 3000
    parts = [part(0, long[:hole])]
    parts += [part(i, long[i : i + 1400]) for i in range(hole + 20, len(long), 1400)]
    streams = Streams()
    found = [message for one in (SYNED, *parts) for _, message in streams.feed(one)]
    assert found[:2] == MESSAGES[1:]
    assert streams.gaps > 0


@pytest.mark.parametrize("noise", [b"\r\n\r\n", b"\r\n", b"\n\n\n"])
def test_keepalives_between_messages(noise: bytes) -> None:
    """RFC 5626 §4.4.1; some send bare line feeds."""
    whole = noise.join([b"", *MESSAGES, b""])
    assert read(SYNED, part(0, whole)) == MESSAGES


def test_compact_content_length_and_none() -> None:
    """`l:` counts too; without one a message ends with its head (RFC 3261 §20.14)."""
    short = b"OPTIONS sip:a@b SIP/2.0\r\nl : 3\r\n\r\nxyz"
    bare = b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n"
    assert read(part(0, short + bare + short)) == [short, bare, short]


def test_other_protocols_are_left_alone() -> None:
    """HTTP on a port of SIP gives no message, and costs no memory."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(1000)
    streams = Streams()
    for place in range(200):
        assert not list(streams.feed(part(place * len(request), request)))
    ((_, both),) = streams._open.items()
    assert not both.streams[0]._buffer
    assert not streams.gaps


def test_sip_after_something_else() -> None:
    """A start line at the beginning of a segment is believed."""
    noise = b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n"
    assert read(part(0, noise), part(len(noise), STREAM)) == MESSAGES


def test_message_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a head without end nor a promised length fills the memory."""
    monkeypatch.setattr(stream, "LONGEST_MESSAGE", 2000)
    head = b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 1000
    assert read(part(0, head)) == []
    large = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 999999999\r\n\r\n"
    assert read(part(0, large + b"x" * 3000)) == []


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port scan in a capture does not."""
    monkeypatch.setattr(stream, "MOST_CONNECTIONS", 3)
    streams = Streams()
    for port in range(10):
        list(streams.feed(SYNED._replace(source=End(CLIENT.host, port))))
    assert len(streams._open) == 3


def test_refused() -> None:
    """RST to SYN."""
    found = connection(SYNED, back(RST | ACK, at=1.5))
    assert (found.refused_at, found.accepted_at, found.closed_at) == (1.5, None, None)
    assert (found.client, found.server, found.syns) == (CLIENT, SERVER, 1)


def test_silent() -> None:
    """SYN and nothing."""
    found = connection(SYNED, SYNED._replace(at=2.0), SYNED._replace(at=4.0))
    assert (found.syns, found.accepted_at, found.refused_at) == (3, None, None)


@pytest.mark.parametrize(("flags", "reset"), [(FIN | ACK, False), (RST, True)])
def test_closed_by_the_other_side(flags: int, reset: object) -> None:
    """Who closed, when, and how."""
    found = connection(
        SYNED,
        back(SYN | ACK, at=1.1),
        part(0, STREAM),
        back(flags, at=3.0),
        part(0, b"", flags=FIN),
    )
    assert (found.accepted_at, found.closed_at, found.closed_by) == (1.1, 3.0, SERVER)
    assert (found.reset, found.refused_at, found.messages) == (reset, None, 3)


def test_port_is_used_again() -> None:
    """A SYN after the end begins another connection, with other sequence numbers."""
    streams = Streams()
    first = [SYNED, part(0, STREAM), back(RST)]
    again = [SYNED._replace(sequence=76), part(0, STREAM)._replace(sequence=77)]
    found = [message for one in (*first, *again) for _, message in streams.feed(one)]
    assert found == MESSAGES * 2
    assert len(streams.connections) == 2


def test_capture_that_begins_with_the_answer_to_syn() -> None:
    """The server is who answers."""
    found = connection(back(SYN | ACK))
    assert (found.client, found.server) == (CLIENT, SERVER)


HELLO = bytes([22, 3, 1, 0, 200]) + bytes(200)


def test_tls_is_recognised_and_its_alert_read() -> None:
    """A fatal alert in the clear has a name and a sender."""
    found = connection(
        SYNED,
        back(SYN | ACK),
        part(0, HELLO),
        back(ACK, at=4.0, seq=51, data=b"\x15\x03\x03\0\x02\x02\x28"),
    )
    assert found.tls
    assert found.alert == (4.0, SERVER, 40)


@pytest.mark.parametrize(
    "data", [b"\x15\x03\x03\0\x02\x01\0", b"\x17\x03\x03\0\x02\x02\x28", b"\x15\x03\x03\0\x20" * 9]
)
def test_warnings_and_encrypted_alerts_say_nothing(data: bytes) -> None:
    """close_notify is no fault, and what is encrypted cannot be read."""
    found = connection(SYNED, part(0, HELLO), part(len(HELLO), data))
    assert found.tls
    assert found.alert is None


def test_both_directions_are_read() -> None:
    """Responses come on the same connection."""
    texts = [e.text.encode() for e in refused_call(403).trace().events]  # type: ignore[union-attr]
    streams = Streams()
    found = [m for _, m in streams.feed(part(0, texts[0]))]
    found += [m for _, m in streams.feed(back(ACK, data=texts[1]))]
    assert found == texts[:2]


@pytest.mark.parametrize(
    "junk",
    [
        b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X" * 60_000,
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 100000\r\n\r\n" + b"X" * 60_000,
        b"\r\n" * 30_000,
        b"OPTIONS sip:" * 5_000,
        b"GET / HTTP/1.1\r\n" * 3_750,
    ],
    ids=["no end of head", "long body", "keepalives", "no line", "other protocol"],
)
def test_single_bytes_take_no_longer_each(junk: bytes) -> None:
    """A stream cut into bytes costs time by its length, not by its square."""
    began = time.process_time()
    assert read(*(part(i, junk[i : i + 1]) for i in range(30_000))) == []
    assert time.process_time() - began < 30  # 0.3 where nothing measures coverage


def test_holes_everywhere_take_no_longer_each() -> None:
    """Nor does one of which every other segment is missing."""
    began = time.process_time()
    read(*(part(i * 2, b"x") for i in range(20_000)))
    assert time.process_time() - began < 60
