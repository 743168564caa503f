"""Packets laid out in time: loss is a hole, silence on purpose is none, hostile timestamps end."""

import struct

import numpy as np
import pytest

from probe.hearing.events import events, from_info
from probe.hearing.layout import lay_out
from probe.playing.coder import Coder
from probe.playing.events import pressed
from probe.playing.g711 import G711
from probe.rtp.sound import Kind, Packet
from probe.sip.message import parse_message

FRAME = bytes([0x80]) * 160
"""A packet of the loudest sample."""


def coder(codec: str, clock_rate: int) -> Coder | None:
    """Return G.711, and nothing for others."""
    assert clock_rate == 8000
    return G711(codec) if codec == "PCMU" else None


def packet(  # noqa: PLR0913 - the fields of one packet
    number: int,
    *,
    timestamp: int | None = None,
    at: float | None = None,
    ssrc: int = 1,
    kind: Kind = Kind.AUDIO,
    codec: str = "PCMU",
    payload: bytes = FRAME,
) -> Packet:
    """Return the packet of a place in a stream that began at 1.0."""
    own = number * 160 if timestamp is None else timestamp
    return Packet(
        1.0 + number * 0.02 if at is None else at, kind, 0, codec, 8000, number, own % 2**32,
        marker=False, ssrc=ssrc, payload=payload,
    )  # fmt: skip


def test_a_lost_packet_is_a_hole_of_its_length() -> None:
    """And the samples around it stay where they were."""
    [recording] = lay_out([packet(0), packet(2)], coder)
    assert recording.arrived.tolist() == [True] * 160 + [False] * 160 + [True] * 160
    assert recording.samples[:160].all()
    assert not recording.samples[160:320].any()
    assert recording.began == pytest.approx(1.0)


def test_a_sender_that_was_silent_on_purpose_lost_nothing() -> None:
    """Timestamps went on, sequence numbers did not (RFC 3551 §4.1)."""
    [recording] = lay_out([packet(0), packet(1, timestamp=800, at=1.1)], coder)
    assert recording.arrived.all()
    assert len(recording.samples) == 960


def test_what_comes_late_or_out_of_order_finds_its_place() -> None:
    """The quickest packet says when the stream began."""
    packets = [packet(1, at=1.08), packet(0, at=1.09), packet(2, at=1.041)]
    [recording] = lay_out(packets, coder)
    assert recording.arrived.all()
    assert recording.began == pytest.approx(1.001)


def test_events_between_packets_of_sound_are_no_loss() -> None:
    """Keys take sequence numbers."""
    key = packet(1, timestamp=160, kind=Kind.EVENT, payload=b"\5\x0a\0\xa0")
    [recording] = lay_out([packet(0), key, packet(2)], coder)
    assert recording.arrived.all()


def test_a_new_source_begins_a_line_of_its_own() -> None:
    """Its timestamps have another beginning."""
    found = lay_out([packet(0), packet(1, ssrc=2, timestamp=77)], coder)
    assert [len(one.samples) for one in found] == [160, 160]


@pytest.mark.parametrize("leap", [2**31 - 1, 8000 * 60, -8000 * 60])
def test_a_timestamp_that_leaps_costs_no_memory(leap: int) -> None:
    """Whoever sends it: a line is as long as what arrived."""
    found = lay_out([packet(0), packet(1, timestamp=leap)], coder)
    assert sum(len(one.samples) for one in found) == 320


def test_timestamps_wrap() -> None:
    """32 bits (RFC 3550 §5.1)."""
    begin = 2**32 - 160
    [recording] = lay_out([packet(0, timestamp=begin), packet(1, timestamp=begin + 160)], coder)
    assert len(recording.samples) == 320


def test_a_codec_that_nobody_knows_is_left_out() -> None:
    """It is no silence either."""
    assert lay_out([packet(0, codec="G729")], coder) == []


def test_a_key_is_read_once_from_all_its_packets() -> None:
    """Begin, continuations and three endings; the duration is the last one's."""
    packets = []
    for number, frame in enumerate(pressed("7", seconds=0.1, ptime_s=0.02, clock_rate=8000)):
        stamp = 1600 + number * 160 - frame.back
        packets.append(packet(number, timestamp=stamp, kind=Kind.EVENT, payload=frame.payload))
    assert len(packets) == 7
    [digit] = events(packets)
    assert (digit.digit, digit.how, digit.copies, digit.ended) == ("7", "rfc4733", 3, True)
    assert digit.length_s == pytest.approx(0.1)
    [cut] = events(packets[:3])
    assert not cut.ended


def test_a_key_that_is_pressed_again_is_another_digit() -> None:
    """Its timestamp is new."""
    end = struct.pack("!BBH", 5, 0x8A, 800)
    packets = [
        packet(n, timestamp=stamp, kind=Kind.EVENT, payload=end)
        for n, stamp in enumerate((0, 0, 0, 1600, 1600))
    ]
    assert [(one.digit, one.copies) for one in events(packets)] == [("5", 3), ("5", 2)]


def test_events_that_are_no_keys_are_none() -> None:
    """Flash (16), and what is too short."""
    odd = [packet(0, kind=Kind.EVENT, payload=b"\x10\x8a\0\xa0"),
           packet(1, kind=Kind.EVENT, payload=b"\5")]  # fmt: skip
    assert events(odd) == ()


@pytest.mark.parametrize(
    ("kind", "body", "digit", "length"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5", 0.16),
        ("application/dtmf-relay", "Signal= *\r\nDuration= 250\r\n", "*", 0.25),
        ("application/dtmf", "d", "D", None),
        ("application/sdp", "5", None, None),
        ("application/dtmf-relay", "Signal=11\r\n", None, None),
    ],
)
def test_a_key_in_info(kind: str, body: str, digit: str | None, length: float | None) -> None:
    """The two bodies that are in use."""
    message = parse_message(
        f"INFO sip:a SIP/2.0\r\nCSeq: 2 INFO\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    found = from_info(message, 3.0)
    assert (None if found is None else (found.digit, found.length_s)) == (
        None if digit is None else (digit, length)
    )


def test_g711_there_and_back() -> None:
    """Each code is a sample that has that code; quiet is quiet."""
    for name in ("PCMU", "PCMA"):
        law = G711(name)
        codes = bytes(range(256))
        again = law.encode(law.decode(codes))
        same = [a == b for a, b in zip(codes, again, strict=True)]
        assert same.count(False) <= 1  # mu-law has two zeros
        samples = np.frombuffer(law.decode(law.encode(bytes(320))), dtype=np.int16)
        assert np.abs(samples).max() <= 8
