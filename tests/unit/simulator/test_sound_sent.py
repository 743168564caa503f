"""What leaves the trunk's RTP port for each of its sounds, by a clock that the test owns."""

import asyncio
import itertools
import math
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from msgspec.structs import replace
from sip_phone import Clock

from probe.simulator.numbers import behaviour_of
from probe.simulator.rtp import RtpPort, Stream
from probe.simulator.sound import Sound

STEP_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One RTP packet as the caller gets it."""

    at: float
    source: int
    kind: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    data: bytes


class Caller:
    """The caller's two sockets, and what arrived at them."""

    def __init__(self, clock: Clock, sound: Sound, **stream: object) -> None:
        self.clock = clock
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for sock in (self.rtp, self.rtcp):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.port = RtpPort("127.0.0.1", clock, sound)
        here = {"to": self.rtp.getsockname(), "control": self.rtcp.getsockname()}
        common = {"payload": 0, "codec": "PCMU", "events": 101, "sends": True}
        self.stream = Stream(**{**common, **here, **stream})
        self.port.agree(self.stream)
        self.heard: list[Packet] = []
        self.reports: list[tuple[float, bytes]] = []
        self.sequence = 0

    def close(self) -> None:
        """Close everything."""
        self.port.close()
        self._read()
        self.rtp.close()
        self.rtcp.close()

    def listen(self, until: float, *, talk: bool = False, answers: bool = True) -> list[Packet]:
        """Let time pass; with ``talk`` send a packet of our own every 20 ms."""
        if answers:
            self.port.answered()
        ticks = round((until - self.clock.now) / STEP_S)
        begun = self.clock.now
        for tick in range(1, ticks + 1):
            self.clock.pass_to(begun + tick * STEP_S)
            if talk and tick % 2 == 0:
                self.say()
            self._read()
        return self.heard

    def say(self, **changes: int) -> None:
        """Send one packet."""
        number = changes.get("sequence", self.sequence)
        self.sequence += 1
        packet = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 77) + b"\x55" * 160
        self.rtp.sendto(packet, ("127.0.0.1", self.port.port))
        self.port._read_rtp()

    def report(self, middle: int) -> None:
        """Send a sender report with that NTP time."""
        packet = struct.pack(
            "!BBHIIIIII", 0x80, 200, 6, 77, middle >> 16, (middle & 0xFFFF) << 16, 0, 1, 160
        )
        self.rtcp.sendto(packet, ("127.0.0.1", self.port.port + 1))
        self.port._read_rtcp()

    def _read(self) -> None:
        while True:
            try:
                data, (_, source) = self.rtp.recvfrom(2048)
            except BlockingIOError:
                break
            _, kind, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
            self.heard.append(
                Packet(
                    at=round(self.clock.now, 3),
                    source=source,
                    kind=kind & 0x7F,
                    marker=kind >= 0x80,
                    sequence=sequence,
                    timestamp=timestamp,
                    ssrc=ssrc,
                    data=data[12:],
                )
            )
        while True:
            try:
                self.reports.append((self.clock.now, self.rtcp.recv(2048)))
            except BlockingIOError:
                break


def on_a_call(act: Callable[[Caller], None], clock: Clock, sound: Sound, **stream: object) -> None:
    """Run a test on a call of its own."""

    async def run() -> None:
        caller = Caller(clock, sound, **stream)
        try:
            act(caller)
        finally:
            caller.close()

    asyncio.run(run())


def heard_of(clock: Clock, number: str, until: float, **how: object) -> list[Packet]:
    """Return what a caller of a number hears."""
    found: list[Packet] = []
    sound = behaviour_of(number).sound
    on_a_call(lambda caller: found.extend(caller.listen(until, **how)), clock, sound)
    return found


def samples(packets: list[Packet], law: str = "PCMU") -> list[float]:
    """Return the sound of packets, full scale 1."""
    return [LAWS[law][byte] for packet in packets for byte in packet.data]


def _ulaw(byte: int) -> float:
    byte = ~byte & 0xFF
    value = ((((byte & 0x0F) << 3) + 132) << ((byte & 0x70) >> 4)) - 132
    return (-value if byte & 0x80 else value) / 32768


def _alaw(byte: int) -> float:
    byte ^= 0x55
    exponent = (byte & 0x70) >> 4
    value = ((byte & 0x0F) << 4) + 8
    value = (value + 256) << (exponent - 1) if exponent else value
    return (value if byte & 0x80 else -value) / 32768


LAWS = {"PCMU": [_ulaw(b) for b in range(256)], "PCMA": [_alaw(b) for b in range(256)]}


def share(sound: list[float], *frequencies: float) -> float:
    """Return the share of the energy that lies at some frequencies."""
    at = 0.0
    for hz in frequencies:
        cosine = sum(s * math.cos(2 * math.pi * hz * n / 8000) for n, s in enumerate(sound))
        sine = sum(s * math.sin(2 * math.pi * hz * n / 8000) for n, s in enumerate(sound))
        at += 2 * (cosine**2 + sine**2) / len(sound)
    return at / sum(s * s for s in sound)


def gaps(packets: list[Packet]) -> list[int]:
    """Return the steps between sequence numbers."""
    numbers = [packet.sequence for packet in packets]
    return [(b - a) % 2**16 for a, b in itertools.pairwise(numbers)]


# What sounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "payload"), [("PCMU", 0), ("PCMA", 8)])
def test_the_tone_is_1004_hz(clock: Clock, codec: str, payload: int) -> None:
    """One second is 50 packets of 160 bytes, numbered and timed, almost all of it at 1004 Hz."""

    def act(caller: Caller) -> None:
        packets = caller.listen(0.99)
        assert len(packets) == 50
        assert {packet.kind for packet in packets} == {payload}
        assert set(gaps(packets)) == {1}
        assert [p.marker for p in packets] == [True] + 49 * [False]
        steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
        assert steps <= {160, 160 - 2**32}
        heard = samples(packets, codec)
        assert share(heard, 1004) > 0.99
        power = sum(s * s for s in heard) / len(heard)
        assert 10 * math.log10(power) == pytest.approx(-15.3, abs=0.2)

    on_a_call(act, clock, behaviour_of("7200").sound, codec=codec, payload=payload)


def test_silence_is_packets_of_nothing(clock: Clock) -> None:
    """7201 sends 50 packets a second, and each byte is the zero of the law."""
    packets = heard_of(clock, "7201", 0.5)
    assert len(packets) >= 25
    assert {byte for packet in packets for byte in packet.data} == {0xFF}


def test_a_faint_tone(clock: Clock) -> None:
    """7202 is the same tone, 32 dB lower."""
    heard = samples(heard_of(clock, "7202", 0.5))
    assert 10 * math.log10(sum(s * s for s in heard) / len(heard)) == pytest.approx(-47.3, abs=1.0)


def test_pauses_are_comfort_noise_and_no_loss(clock: Clock) -> None:
    """7204: numbers go on by one, times jump; talk begins with the marker (RFC 3551 §4.1)."""
    packets = heard_of(clock, "7204", 2.39)
    assert set(gaps(packets)) == {1}
    noise = [packet for packet in packets if packet.kind == 13]
    assert len(noise) == 6
    assert {packet.data for packet in noise} == {b"\x3c"}
    spurts = [packet for packet in packets if packet.marker]
    assert [packet.at for packet in spurts] == pytest.approx([0.0, 1.2], abs=0.015)
    begun = packets[0]
    for packet in packets:
        due = 8000 * (packet.at - begun.at)
        assert (packet.timestamp - begun.timestamp) % 2**32 == pytest.approx(due, abs=160)


def test_the_tones_of_the_network(clock: Clock) -> None:
    """Busy is two tones for half a second; number unobtainable is three tones in a row."""
    busy = heard_of(clock, "7205", 0.99)
    assert share(samples(busy[:25]), 480, 620) > 0.98
    assert {byte for packet in busy[25:] for byte in packet.data} == {0xFF}


def test_an_announcement_before_the_refusal(clock: Clock) -> None:
    """7206: 950, 1400 and 1800 Hz as early media, a third of a second each."""

    def act(caller: Caller) -> None:
        caller.port.ring()
        packets = caller.listen(1.0, answers=False)
        for number, hz in enumerate((950, 1400, 1800)):
            part = packets[1 + 17 * number : 15 + 17 * number]
            assert share(samples(part), hz) > 0.9

    on_a_call(act, clock, behaviour_of("7206").sound)


# What does not come -----------------------------------------------------------------------------


def test_nothing_comes_and_nothing_is_heard(clock: Clock) -> None:
    """7210 is shut both ways: no RTP, no RTCP, nothing counted."""

    def act(caller: Caller) -> None:
        assert caller.listen(3.0, talk=True) == []
        assert caller.reports == []
        assert caller.port.packets == 0

    on_a_call(act, clock, behaviour_of("7210").sound)


def test_a_trunk_that_hears_nothing_says_so(clock: Clock) -> None:
    """7211 plays, and its sender reports have no report block."""

    def act(caller: Caller) -> None:
        assert len(caller.listen(2.5, talk=True)) >= 120
        assert caller.port.packets == 0
        assert {report[0] & 0x1F for _, report in caller.reports} == {0}
        assert {report[1] for _, report in caller.reports} == {200}

    on_a_call(act, clock, behaviour_of("7211").sound)


def test_a_trunk_that_hears_nothing_any_more(clock: Clock) -> None:
    """7212: its report blocks stand still at what it heard in the first one and a half seconds."""

    def act(caller: Caller) -> None:
        caller.listen(4.0, talk=True)
        highest = [struct.unpack_from("!I", r, 36)[0] for _, r in caller.reports if r[0] & 0x1F]
        assert highest[-1] == highest[-2]
        assert 70 <= highest[-1] <= 75

    on_a_call(act, clock, behaviour_of("7212").sound)


def test_a_stream_that_ends(clock: Clock) -> None:
    """7213 plays for one second; its RTCP goes on."""

    def act(caller: Caller) -> None:
        packets = caller.listen(3.5, talk=True)
        assert packets[-1].at == pytest.approx(1.0, abs=0.03)
        assert caller.reports[-1][0] >= 3.0

    on_a_call(act, clock, behaviour_of("7213").sound)


def test_early_media_that_was_only_promised(clock: Clock) -> None:
    """7219 is quiet before the answer even to who speaks, and echoes after it."""

    def act(caller: Caller) -> None:
        caller.port.ring()
        assert caller.listen(0.5, talk=True, answers=False) == []
        assert len(caller.listen(1.0, talk=True)) >= 20

    on_a_call(act, clock, behaviour_of("7219").sound)


def test_a_held_call_gets_nothing(clock: Clock) -> None:
    """Neither tone nor echo goes to a caller that only sends, until it takes the call back."""

    def act(caller: Caller) -> None:
        caller.listen(0.3)
        caller.port.agree(replace(caller.stream, sends=False))
        before = len(caller.heard)
        caller.listen(0.6, talk=True)
        assert len(caller.heard) == before
        caller.port.agree(caller.stream)
        assert len(caller.listen(0.9)) > before + 10

    on_a_call(act, clock, behaviour_of("7200").sound)


def test_it_hangs_up_on_who_is_not_heard(clock: Clock) -> None:
    """7228 gives up two seconds after the answer, once."""

    def act(caller: Caller) -> None:
        given_up = []
        caller.port.on_silence = lambda: given_up.append(clock.now)
        caller.listen(5.0, talk=True)
        assert given_up == [pytest.approx(2.0, abs=0.02)]

    on_a_call(act, clock, behaviour_of("7228").sound)


@pytest.mark.parametrize("peer", [("192.0.2.1", 4000), ("phone.invalid", 4000), ("127.0.0.1", 0)])
def test_nothing_leaves_the_machine(clock: Clock, peer: tuple[str, int]) -> None:
    """A description that names another host, or no port, is sent nothing."""

    def act(caller: Caller) -> None:
        caller.listen(1.0)
        assert (caller.port.sent, caller.heard, caller.reports) == (0, [], [])

    on_a_call(act, clock, behaviour_of("7200").sound, to=peer, control=peer)


# How packets are made ---------------------------------------------------------------------------


def test_packets_that_nobody_agreed_on(clock: Clock) -> None:
    """The type of 7220, the length of 7221, the port of 7224."""
    assert {packet.kind for packet in heard_of(clock, "7220", 0.3)} == {96}
    long = heard_of(Clock(), "7221", 0.9)
    assert {len(packet.data) for packet in long} == {480}
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(long)} <= {
        480,
        480 - 2**32,
    }

    def act(caller: Caller) -> None:
        packets = caller.listen(0.3)
        assert {packet.source for packet in packets}.isdisjoint({caller.port.port})
        assert len({packet.source for packet in packets}) == 1

    on_a_call(act, Clock(), behaviour_of("7224").sound)


def test_the_other_law_is_the_same_tone_to_who_knows(clock: Clock) -> None:
    """7222: clean as A-law, distorted as the mu-law that was agreed."""
    packets = heard_of(clock, "7222", 0.5)
    assert {packet.kind for packet in packets} == {0}
    assert share(samples(packets, "PCMA"), 1004) > 0.99
    assert share(samples(packets, "PCMU"), 1004) < 0.97


def test_encrypted_packets_are_longer_and_unreadable(clock: Clock) -> None:
    """7223: ten bytes of authentication, and every byte as likely as another."""
    packets = heard_of(clock, "7223", 0.99)
    assert {len(packet.data) for packet in packets} == {170}
    data = b"".join(packet.data for packet in packets)
    assert max(data.count(byte) for byte in range(256)) < 3 * len(data) / 256


def test_the_source_changes(clock: Clock) -> None:
    """7225 goes on in the same stream from a new port; 7226 in a new stream from the same port."""
    moved = heard_of(clock, "7225", 2.0)
    assert len({packet.source for packet in moved}) == 2
    assert len({packet.ssrc for packet in moved}) == 1
    assert set(gaps(moved)) == {1}
    renewed = heard_of(Clock(), "7226", 2.0)
    assert len({packet.source for packet in renewed}) == 1
    assert len({packet.ssrc for packet in renewed}) == 2


def test_a_late_start(clock: Clock) -> None:
    """7229 says nothing for 1.2 s."""
    assert heard_of(clock, "7229", 2.0)[0].at == pytest.approx(1.2, abs=0.02)


# The way ----------------------------------------------------------------------------------------


def test_every_tenth_is_lost_or_overtaken_or_doubled(clock: Clock) -> None:
    """The numbers that arrive show it, and nothing else is wrong."""
    lost = heard_of(clock, "7230", 1.99)
    assert gaps(lost).count(2) == 9  # after the last that is lost nothing comes
    assert len(lost) == 90
    swapped = heard_of(Clock(), "7232", 1.99)
    assert sorted(packet.sequence for packet in swapped) == [
        packet.sequence for packet in sorted(swapped, key=lambda p: p.timestamp)
    ]
    assert gaps(swapped).count(2**16 - 1) == 9
    doubled = heard_of(Clock(), "7233", 1.99)
    assert gaps(doubled).count(0) == 10


def test_jitter_is_32_ms(clock: Clock) -> None:
    """7231: five at once, in order, none missing (RFC 3550 A.8 worked out from what arrived)."""
    packets = heard_of(clock, "7231", 5.0)
    assert set(gaps(packets)) == {1}
    jitter, found = 0.0, []
    for a, b in itertools.pairwise(packets):
        jitter += (abs((b.at - a.at) - 0.02) - jitter) / 16
        found.append(jitter)
    settled = found[100:]
    assert sum(settled) / len(settled) == pytest.approx(0.032, abs=0.002)


@pytest.mark.parametrize(("number", "late"), [("7203", 0.3), ("7234", 0.5)])
def test_an_echo_comes_late(clock: Clock, number: str, late: float) -> None:
    """Of a late echo the sound alone; of a long way everything."""
    packets = heard_of(clock, number, 1.0, talk=True)
    assert packets[0].at == pytest.approx(0.02 + late, abs=0.011)
    assert set(gaps(packets)) == {1}


# Keys -------------------------------------------------------------------------------------------


def test_keys_as_events(clock: Clock) -> None:
    """RFC 4733 §2.5: marker, one time a key, a growing duration, the end three times."""
    packets = [p for p in heard_of(clock, "7242", 2.5) if p.kind == 101]
    keys: dict[int, list[Packet]] = {}
    for packet in packets:
        keys.setdefault(packet.timestamp, []).append(packet)
    assert "".join("0123456789*#"[key[0].data[0]] for key in keys.values()) == "1234#"
    for key in keys.values():
        durations = [int.from_bytes(packet.data[2:4], "big") for packet in key]
        assert durations == [160, 320, 480, 640, 800, 800, 800, 800]
        assert [packet.marker for packet in key] == [True] + 7 * [False]
        assert [packet.data[1] >> 7 for packet in key] == [0, 0, 0, 0, 0, 1, 1, 1]


def test_keys_as_tones(clock: Clock) -> None:
    """ITU-T Q.23: 1 is 697 and 1209 Hz, # is 941 and 1477 Hz; between keys there is silence."""
    packets = heard_of(clock, "7243", 2.5)
    assert share(samples(packets[15:20]), 697, 1209) > 0.95
    assert share(samples(packets[75:80]), 941, 1477) > 0.95
    assert {byte for packet in packets[21:29] for byte in packet.data} == {0xFF}


def test_keys_twice(clock: Clock) -> None:
    """7244 presses each key by an event, and lets its tone through as well."""
    packets = heard_of(clock, "7244", 2.5)
    assert {packet.kind for packet in packets} == {0, 101}
    sound = [packet for packet in packets if packet.kind == 0]
    assert share(samples(sound[15:20]), 697, 1209) > 0.95


# RTCP -------------------------------------------------------------------------------------------


def test_reports_tell_what_was_sent_and_heard(clock: Clock) -> None:
    """RFC 3550 §6.4.1: counts, loss of ours, time since our report; BYE at the end."""

    def act(caller: Caller) -> None:
        caller.port.answered()
        caller.listen(0.5, talk=True)
        caller.report(0xABCD1234)
        caller.sequence += 5  # five of ours are lost
        caller.listen(1.5, talk=True)
        (at, report), *_ = caller.reports
        kind, length, ssrc = struct.unpack_from("!BHI", report, 1)
        assert (report[0], kind, length) == (0x81, 200, 12)
        assert {packet.ssrc for packet in caller.heard} == {ssrc}
        sent, octets = struct.unpack_from("!II", report, 20)
        assert octets == 160 * sent
        source, share_lost, lost3, highest, _, middle, delay = struct.unpack_from(
            "!IB3sIIII", report, 28
        )
        assert (source, int.from_bytes(lost3, "big")) == (77, 5)
        assert share_lost == pytest.approx(256 * 5 / (highest + 1), abs=1)
        assert middle == 0xABCD1234
        assert delay / 65536 == pytest.approx(at - 0.5, abs=0.02)
        assert report[52:54] == bytes([0x81, 202])

    on_a_call(act, clock, Sound())


def test_the_end_is_said_by_rtcp(clock: Clock) -> None:
    """RFC 3550 §6.6: BYE in the last packet."""
    last = []

    async def run() -> None:
        caller = Caller(clock, Sound())
        caller.listen(0.5, talk=True)
        caller.close()
        last.extend(caller.reports)

    asyncio.run(run())
    ((_, report),) = last
    assert report[-8:-4] == bytes([0x81, 203, 0, 1])


def test_no_rtcp_at_all(clock: Clock) -> None:
    """7227 echoes and reports nothing."""

    def act(caller: Caller) -> None:
        assert len(caller.listen(2.5, talk=True)) > 100
        assert caller.reports == []

    on_a_call(act, clock, behaviour_of("7227").sound)
