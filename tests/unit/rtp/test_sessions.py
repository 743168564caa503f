"""Two sessions on loopback: silence, SRTP, RTCP, ICMP, and an end without a wait."""

import base64
import itertools
import os
import socket
import time

import pytest
from twosessions import LOOPBACK, clock_from_now, listen, sent, sessions, terms

from probe.rtp.metronome import Metronome
from probe.rtp.negotiation import SUITES, Keys
from probe.rtp.packet import (
    ReportBlock,
    RtcpReport,
    RtpPacket,
    SenderInfo,
    build_rtcp,
    build_rtp,
    parse_rtcp,
    parse_rtp,
)
from probe.rtp.session import Session
from probe.rtp.sound import Frame, Kind, Packet
from probe.sip.message import SipMessage
from probe.trace.media import Agreed, MediaReport


def talk(seconds: float, keys: tuple[Keys | None, Keys | None] = (None, None)) -> list[MediaReport]:
    """Let two sessions talk and return their reports."""
    with sessions() as (one, two, metronome):
        one.apply(terms(two.port, keys=keys[0]))
        two.apply(terms(one.port, keys=keys[1]))
        metronome.add(one)
        metronome.add(two)
        listen(metronome, seconds)
        sent(metronome, *((session, 30) for session in (one, two) if not session.unmeasured))
        listen(metronome, 0.25)
        for session in (one, two):
            assert metronome.remove(session)
        found = [session.report("c") for session in (one, two)]
    return [report for report in found if report is not None]


class Broken:
    """A source with an error."""

    kept = None

    def frame(self, agreed: Agreed) -> Frame | None:
        """Fail."""
        raise ZeroDivisionError

    def told(self, words: object) -> None:
        """Nothing is told."""


class Taker:
    """A sink that keeps every packet."""

    def __init__(self) -> None:
        self.seen: list[Packet] = []

    def wants(self, kind: Kind) -> bool:
        """Take what was agreed."""
        return kind is not Kind.OTHER

    def packet(self, packet: Packet) -> None:
        """Keep one."""
        self.seen.append(packet)

    def info(self, message: SipMessage, at: float) -> None:
        """No INFO comes."""

    def finish(self, report: MediaReport) -> MediaReport:
        """Add nothing."""
        return report


def test_a_session_ends_at_once_and_leaves_no_process() -> None:
    """The end of a call waits for nothing: the ports are free again and the process is gone."""
    clock = clock_from_now()
    metronome = Metronome(clock)
    session = Session(LOOPBACK, clock=clock)
    session.apply(terms(9))
    metronome.add(session)
    time.sleep(0.05)
    before = time.monotonic()
    assert metronome.remove(session)
    assert time.monotonic() - before < 0.5  # 1 ms on a quiet machine
    metronome.close()
    assert not metronome.running
    with pytest.raises(ChildProcessError):
        os.waitpid(metronome._process, os.WNOHANG)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((LOOPBACK, session.port))


def test_rtcp_tells_round_trip_and_what_the_other_side_missed() -> None:
    """The first report leaves after a second; the answer to it, at the end, has the rest."""
    one, two = talk(1.4)
    assert one.rtcp_sent >= 1
    assert one.rtcp_received >= 1
    assert {one.tx_lost, two.tx_lost} == {0}
    rtts = [report.rtt_s for report in (one, two) if report.rtt_s is not None]
    assert rtts
    assert all(0 <= rtt < 0.5 for rtt in rtts)


@pytest.mark.parametrize("suite", SUITES)
def test_srtp_is_decrypted_and_counted(suite: str) -> None:
    """With each other's keys all is read."""
    a, b = (base64.b64encode(bytes([n]) * 30).decode() for n in (1, 2))
    one, two = talk(0.3, (Keys(suite, a, b), Keys(suite, b, a)))
    for report in (one, two):
        assert report.rx_packets > 10
        assert report.rx_undecodable == report.rx_lost == 0


def test_a_wrong_key_is_told_and_not_taken_for_silence() -> None:
    """Packets that fail authentication are counted as such; none is taken for sound."""
    a, b, c = (base64.b64encode(bytes([n]) * 30).decode() for n in (1, 2, 3))
    one, _ = talk(0.3, (Keys(SUITES[0], a, c), Keys(SUITES[0], b, a)))
    assert one.rx_packets == 0
    assert one.rx_undecodable > 10


def test_a_key_that_is_none_is_said() -> None:
    """Their description holds nonsense: nothing is sent in the clear."""
    one, two = talk(0.2, (Keys(SUITES[0], "AAAA", "AAAA"), None))
    assert "SRTP" in one.unmeasured
    assert two.rx_packets == 0


def test_a_port_where_nobody_listens_is_noticed() -> None:
    """ICMP port unreachable comes back for our packets, and sending goes on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind((LOOPBACK, 0))
        port = nobody.getsockname()[1]
    with sessions() as (one, _, metronome):
        one.apply(terms(port))
        metronome.add(one)
        sent(metronome, (one, 30))
        assert metronome.remove(one)
        report = one.report("c")
    assert report is not None
    assert report.tx_unreachable > 5
    assert report.tx_packets > 20
    assert report.rx_packets == 0


def test_on_hold_nothing_is_sent() -> None:
    """The direction that was agreed says who may send."""
    with sessions() as (one, two, metronome):
        one.apply(terms(two.port, direction="recvonly"))
        two.apply(terms(one.port))
        metronome.add(one)
        metronome.add(two)
        sent(metronome, (two, 15))
        assert metronome.remove(one)
        report = one.report("c")
    assert report is not None
    assert report.tx_packets == 0
    assert report.rx_packets > 5


def test_a_datagram_that_is_no_rtp_is_counted_apart() -> None:
    """A scanner's text at our port is no packet of the call."""
    with sessions() as (one, two, metronome), socket.socket(type=socket.SOCK_DGRAM) as stranger:
        one.apply(terms(two.port))
        metronome.add(one)
        stranger.sendto(b"OPTIONS sip:x SIP/2.0\r\n\r\n", (LOOPBACK, one.port))
        time.sleep(0.1)
        assert metronome.remove(one)
        report = one.report("c")
    assert report is not None
    assert (report.rx_malformed, report.rx_packets) == (1, 0)


def test_packets_come_back_as_they_were_built() -> None:
    """Header and payload of RTP; reports with a negative loss count of RTCP."""
    packet = RtpPacket(101, True, 65_535, 2**32 - 1, 0xDEADBEEF, b"abcd")
    assert parse_rtp(build_rtp(packet)) == packet
    block = ReportBlock(7, 128, -3, 2**17, 55, 0x12345678, 65_536)
    report = RtcpReport(9, SenderInfo(2**63, 8000, 50, 8000), (block,))
    for bye in (True, False):
        assert parse_rtcp(build_rtcp(report, "name", bye=bye)) == (report,)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", bytes(11), b"\x00" * 12, b"\x9f" + bytes(11), b"\xb0" + bytes(12)]
)
def test_what_is_too_short_is_no_packet(data: bytes) -> None:
    """Nothing that arrives can make the parser fail."""
    parsed = parse_rtp(data)
    assert parsed is None or parsed.payload == b""
    assert parse_rtcp(data) == ()


def test_our_timestamps_go_on_while_we_are_held() -> None:
    """After a hold the first packet carries the time that went by, and a marker (RFC 3551 §4.1)."""
    taker = Taker()
    with sessions() as (one, two, metronome):
        two.sink = taker
        one.apply(terms(two.port))
        two.apply(terms(one.port))
        metronome.add(one)
        metronome.add(two)
        for direction, seconds in (("sendrecv", 0.1), ("recvonly", 0.3), ("sendrecv", 0.1)):
            one.apply(terms(two.port, direction=direction))
            time.sleep(seconds)
        assert metronome.remove(one)
        assert metronome.remove(two)
    steps = [
        (later.at - before.at, (later.timestamp - before.timestamp) % 2**32 / 8000, later.marker)
        for before, later in itertools.pairwise(taker.seen)
    ]
    elapsed, advanced, marker = max(steps)
    assert elapsed > 0.25
    assert advanced == pytest.approx(elapsed, abs=0.02)
    assert marker


def test_a_source_that_breaks_costs_its_own_call_only() -> None:
    """The report says that the error was ours, and the other call goes on."""
    with sessions() as (one, two, metronome):
        one.source = Broken()
        one.apply(terms(two.port))
        two.apply(terms(one.port))
        metronome.add(one)
        metronome.add(two)
        sent(metronome, (two, 15))
        assert metronome.remove(one)
        assert metronome.remove(two)
        broken, whole = one.report("c"), two.report("c")
    assert broken is not None
    assert whole is not None
    assert "ZeroDivisionError" in broken.unmeasured
    assert (broken.tx_packets, whole.unmeasured) == (0, "")
    assert whole.tx_packets > 10
