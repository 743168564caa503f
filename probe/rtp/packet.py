"""RTP and RTCP packets as bytes and back (RFC 3550 §5.1, §6.4 to §6.6)."""

import struct

from msgspec import Struct

HEADER = 12
"""Bytes of an RTP header without contributing sources."""

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP time begins, to 1970."""

_VERSION = 2
_HEAD = struct.Struct("!BBHII")
_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_CNAME = 1


class RtpPacket(Struct, frozen=True):
    """One RTP packet."""

    payload_type: int
    marker: bool
    sequence: int
    "16 bits."
    timestamp: int
    "32 bits."
    ssrc: int
    payload: bytes
    "Without contributing sources, header extension and padding."


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Read a datagram; None where it is no RTP packet."""
    if len(data) < HEADER:
        return None
    first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
    if first >> 6 != _VERSION:
        return None
    begin, end = HEADER + 4 * (first & 0x0F), len(data)
    if first & 0x10:  # header extension (§5.3.1)
        if end < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if first & 0x20:  # padding: its last byte counts it
        end -= data[-1]
    if begin > end:
        return None
    return RtpPacket(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[begin:end])


def build_rtp(packet: RtpPacket) -> bytes:
    """Return a packet's bytes."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return rtp_header(second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def rtp_header(second: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return the header of a packet; ``second`` is its second byte: marker and payload type."""
    return _HEAD.pack(_VERSION << 6, second, sequence, timestamp, ssrc)


class ReportBlock(Struct, frozen=True):
    """What one side says of the stream that it receives (RFC 3550 §6.4.1)."""

    ssrc: int
    "Whose stream."
    fraction: int
    "Share lost since the last report, of 256."
    lost: int
    "Packets lost since the beginning; negative where duplicates outnumber losses."
    highest: int
    "Extended highest sequence number received."
    jitter: int
    "Interarrival jitter in timestamp units."
    last_sr: int
    "Middle 32 bits of the NTP time of the last sender report; 0 without one."
    delay: int
    "Time since then in 1/65536 s."


class SenderInfo(Struct, frozen=True):
    """What a sender says of its own stream (RFC 3550 §6.4.1)."""

    ntp: int
    "NTP time, 64 bits."
    timestamp: int
    "The same moment in RTP timestamp units."
    packets: int
    octets: int


class RtcpReport(Struct, frozen=True):
    """One SR or RR out of a compound packet."""

    ssrc: int
    "Who reports."
    sender: SenderInfo | None
    "None in a receiver report."
    blocks: tuple[ReportBlock, ...]


def parse_rtcp(data: bytes) -> tuple[RtcpReport, ...]:
    """Return the sender and receiver reports of a compound packet; what is broken is left out."""
    found: list[RtcpReport] = []
    place = 0
    while place + 8 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, place)
        end = place + 4 + 4 * words
        if first >> 6 != _VERSION or end > len(data):
            break
        if kind in {_SR, _RR}:
            found.append(_report(data[place:end], kind, first & 0x1F))
        place = end
    return tuple(found)


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram looks like RTCP (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == _VERSION and 192 <= data[1] <= 223


def _report(data: bytes, kind: int, count: int) -> RtcpReport:
    (ssrc,) = struct.unpack_from("!I", data, 4)
    place, sender = 8, None
    if kind == _SR and len(data) >= place + _SENDER.size:
        high, low, timestamp, packets, octets = _SENDER.unpack_from(data, place)
        sender = SenderInfo(high << 32 | low, timestamp, packets, octets)
        place += _SENDER.size
    blocks: list[ReportBlock] = []
    while len(blocks) < count and place + _BLOCK.size <= len(data):
        whose, losses, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, place)
        lost = losses & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        blocks.append(ReportBlock(whose, losses >> 24, lost, highest, jitter, last_sr, delay))
        place += _BLOCK.size
    return RtcpReport(ssrc, sender, tuple(blocks))


def build_rtcp(report: RtcpReport, cname: str, *, bye: bool = False) -> bytes:
    """Return a compound packet: the report, our CNAME, and BYE where the session ends (§6.1)."""
    body = struct.pack("!I", report.ssrc)
    if report.sender is not None:
        info = report.sender
        body += _SENDER.pack(
            info.ntp >> 32,
            info.ntp & 0xFFFFFFFF,
            info.timestamp,
            info.packets & 0xFFFFFFFF,
            info.octets & 0xFFFFFFFF,
        )
    for block in report.blocks:
        lost = max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF
        body += _BLOCK.pack(
            block.ssrc,
            block.fraction << 24 | lost,
            block.highest,
            block.jitter,
            block.last_sr,
            block.delay,
        )
    kind = _RR if report.sender is None else _SR
    compound = _with_header(kind, len(report.blocks), body) + _sdes(report.ssrc, cname)
    return compound + (_with_header(_BYE, 1, struct.pack("!I", report.ssrc)) if bye else b"")


def _sdes(ssrc: int, cname: str) -> bytes:
    """Return a source description with one item; it ends with one to four zero bytes (§6.5)."""
    name = cname.encode()[:255]
    item = bytes((_CNAME, len(name))) + name
    item += bytes(4 - len(item) % 4)
    return _with_header(_SDES, 1, struct.pack("!I", ssrc) + item)


def _with_header(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", _VERSION << 6 | count, kind, len(body) // 4) + body


def ntp_time(unix_s: float) -> int:
    """Return a time since 1970 as an NTP time of 64 bits (RFC 3550 §4)."""
    return int((unix_s + NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
