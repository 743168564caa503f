"""The media of a call beside its signalling: what SDP says is what is bound."""

import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from wirebuilder import Wire, sdp

from probe.agent.lines import Line, Lines

LOOPBACK = "127.0.0.1"
OURS = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8 101\r\na=rtcp:4001 IN IP4 127.0.0.1\r\na=sendrecv\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=ssrc:305419896 cname:0123456789abcdef\r\n"
)


@pytest.fixture
def clock() -> Callable[[], float]:
    """Give a clock that begins now."""
    epoch = time.monotonic()
    return lambda: time.monotonic() - epoch


@pytest.fixture
def lines(clock: Callable[[], float]) -> Iterator[Lines]:
    """Give the lines of an agent; nothing of them is left afterwards."""
    made = Lines(clock)
    yield made
    made.end()
    assert not made.metronome.running


def opened(lines: Lines, ptime: int | None = None) -> Line:
    """Return the media of a new call."""
    return lines.open(LOOPBACK, player=None, sink=None, ptime=ptime)


def port_of(description: str) -> int:
    """Return the audio port of a session description."""
    found = re.search(r"^m=audio (\d+)", description, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_the_port_that_sdp_names_is_bound_before_it_leaves(lines: Lines) -> None:
    """RTP on an even port, RTCP on the next, and both in the description."""
    line = opened(lines)
    written = line.describe(OURS)
    port = port_of(written)
    assert port % 2 == 0
    assert f"a=rtcp:{port + 1} IN" in written
    for taken in (port, port + 1):
        with (
            pytest.raises(OSError, match="in use"),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            other.bind((LOOPBACK, taken))
    assert port_of(line.describe(OURS)) == port  # a re-INVITE keeps it
    told = lines.close(line)
    assert told is not None
    assert told() is None  # nothing was agreed, so nothing is told


def test_a_description_without_audio_is_left_alone(lines: Lines) -> None:
    """A stream that is refused has no port to name (RFC 3264 §6)."""
    refused = OURS.replace("m=audio 4000", "m=audio 0")
    line = opened(lines)
    assert line.describe(refused) == refused
    assert line.describe("") == ""
    lines.close(line)


def test_the_packet_time_of_the_profile_is_offered(lines: Lines) -> None:
    """`ptime:` of an agent stands in what it offers."""
    line = opened(lines, ptime=30)
    assert "a=ptime:30\r\n" in line.describe(OURS)
    lines.close(line)


def test_a_call_is_followed_from_offer_to_bye(lines: Lines) -> None:
    """The INVITE is seen before its call is known; what came before the claim is made up for."""
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.bind((LOOPBACK, 0))
    far.settimeout(5.0)
    line = opened(lines)
    offer = line.describe(OURS)
    answer = sdp("PCMU", address=LOOPBACK, port=far.getsockname()[1])
    wire = Wire().send("INVITE", body=offer).receive(200, body=answer).send("ACK").send("BYE")
    events = wire.trace().events
    lines.see(events[0])
    lines.claim("c1@192.0.2.10", line)
    for event in events[1:3]:
        lines.see(event)
    data, source = far.recvfrom(2048)
    assert source[1] == port_of(offer)
    assert int.from_bytes(data[8:12], "big") == 305419896  # the SSRC that the offer names
    assert data[12:] == b"\xff" * 160  # silence: nothing is played
    lines.see(events[3])
    told = lines.close(line)
    far.close()
    report = told() if told is not None else None
    assert report is not None
    assert report.call_id == "c1@192.0.2.10"
    assert report.tx_packets >= 1
    assert report.codec == "PCMU"


def test_calls_of_other_ids_are_not_followed(lines: Lines) -> None:
    """Two calls at a time: each line follows its own messages."""
    one, two = opened(lines), opened(lines)
    first, second = one.describe(OURS), two.describe(OURS)
    assert port_of(first) != port_of(second)
    lines.claim("a", one)
    lines.claim("b", two)
    wire = Wire(call_id="a").send("INVITE", body=first).receive(200, body=sdp(address=LOOPBACK))
    for event in wire.trace().events:
        lines.see(event)
    told = [tell() for line in (one, two) if (tell := lines.close(line)) is not None]
    assert [report is not None for report in told] == [True, False]


def far_end() -> socket.socket:
    """Return a socket of the other side."""
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.bind((LOOPBACK, 0))
    far.settimeout(5.0)
    return far


def brief_call(lines: Lines, far: socket.socket) -> tuple[Line, Wire]:
    """Return the media of a call that ends with its answer, and its offer."""
    line = lines.open(LOOPBACK, player=None, sink=None, ptime=None, brief=True)
    wire = Wire().send("INVITE", body=line.describe(OURS))
    lines.claim("c1@192.0.2.10", line)
    return line, wire


def test_nothing_is_sent_in_a_call_that_ends_with_its_answer(lines: Lines) -> None:
    """Its ports are bound, no process is started for it, and what came is counted all the same."""
    far = far_end()
    line, wire = brief_call(lines, far)
    port = port_of(wire.trace().events[0].message.body)
    answer = sdp("PCMU", address=LOOPBACK, port=far.getsockname()[1])
    for event in wire.receive(200, body=answer).send("ACK").trace().events:
        lines.see(event)
    far.sendto(b"\x80\x00\x00\x01" + bytes(8) + b"\xff" * 160, (LOOPBACK, port))
    lines.see(wire.send("BYE").trace().events[-1])
    assert not lines.metronome.running
    told = lines.close(line)
    report = told() if told is not None else None
    assert report is not None
    assert (report.tx_packets, report.rx_packets, report.codec) == (0, 1, "PCMU")
    far.settimeout(0.0)
    with pytest.raises(BlockingIOError):
        far.recvfrom(2048)
    far.close()


def test_early_media_is_met_in_a_call_that_ends_with_its_answer(lines: Lines) -> None:
    """Until the answer a call may ring for long: silence is sent as in any other."""
    far = far_end()
    line, wire = brief_call(lines, far)
    early = sdp("PCMU", address=LOOPBACK, port=far.getsockname()[1])
    for event in wire.receive(183, body=early).trace().events:
        lines.see(event)
    assert len(far.recvfrom(2048)[0]) == 172
    lines.see(wire.receive(200, body=early).send("ACK").send("BYE").trace().events[-1])
    told = lines.close(line)
    report = told() if told is not None else None
    far.close()
    assert report is not None
    assert report.tx_packets >= 1
