"""From a frame to what it carries: a UDP datagram, a TCP segment or an ICMP error.

Only headers are read, by their fixed places. dpkt decodes every layer of every packet: some fifty
times as long, in a capture that is mostly RTP, and it does not put fragments together.
"""

import ipaddress
import struct
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct, field

from probe.capture.file import Frame

MOST_FRAGMENTED = 256
"""Datagrams of which fragments are waited for at once; the oldest are given up."""

LARGEST_DATAGRAM = 65535

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_UDP, _TCP, _ICMP, _ICMP6 = 17, 6, 1, 58
_HOP_BY_HOP = frozenset({0, 43, 60, 135})
"""IPv6 extension headers whose second byte counts eights (RFC 8200 §4)."""
_FRAGMENT, _AUTHENTICATION = 44, 51
_PPP_SESSION = 0x8864


class End(NamedTuple):
    """An address and a port."""

    host: str
    "The address, IPv6 without brackets."

    port: int
    "The port."

    def __str__(self) -> str:
        """Return ip:port, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Packet(Struct, frozen=True):
    """One IP packet's payload, put together where it was in fragments."""

    at: float
    "Seconds since 1970, of the fragment that completed it."

    frame: int
    "Number of that frame."

    source: bytes
    "Address of the sender, 4 or 16 bytes."

    target: bytes
    "Address of the receiver."

    protocol: int
    "17 UDP, 6 TCP, 1 ICMP, 58 ICMPv6."

    data: bytes
    "What follows the IP header."


class Segment(NamedTuple):
    """A TCP segment."""

    at: float
    "Seconds since 1970."

    frame: int
    "Number of its frame."

    source: End
    "Sender."

    target: End
    "Receiver."

    sequence: int
    "Sequence number."

    flags: int
    "FIN 1, SYN 2, RST 4, ACK 16."

    data: bytes
    "Payload."


class Datagram(NamedTuple):
    """A UDP datagram."""

    at: float
    "Seconds since 1970."

    frame: int
    "Number of its frame."

    source: End
    "Sender."

    target: End
    "Receiver."

    data: bytes
    "Payload."


class IcmpError(NamedTuple):
    """An ICMP error that quotes a UDP or TCP packet."""

    at: float
    "Seconds since 1970."

    frame: int
    "Number of its frame."

    offender: str
    "Address of the host that sent it."

    kind: int
    "ICMP type."

    code: int
    "ICMP code."

    protocol: int
    "17 or 6: of the packet that it is about."

    source: End
    "Who had sent that."

    target: End
    "To whom."

    quoted: bytes
    "What it quotes after the UDP or TCP header."


class _Parts(Struct):
    """Fragments of one datagram that have come."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int | None = None

    def whole(self) -> bytes | None:
        """Return the datagram where nothing is missing."""
        if self.size is None:
            return None
        data = bytearray()
        for place in sorted(self.pieces):
            if place > len(data):
                return None
            data += self.pieces[place][len(data) - place :]
        return bytes(data) if len(data) >= self.size else None


class Packets:
    """Reads frames one after the other; fragments wait here for each other."""

    def __init__(self) -> None:
        self._parts: dict[tuple[object, ...], _Parts] = {}
        self.links: set[int] = set()
        "Link types that are not understood."
        self.waiting = 0
        "Fragments that were given up."

    def of(self, frame: Frame) -> Packet | None:
        """Return the IP packet of a frame; None where there is none, or more fragments are due."""
        find = _LINKS.get(frame.link)
        if find is None:
            self.links.add(frame.link)
            return None
        try:
            place = find(frame.data)
            if place < 0:
                return None
            version = frame.data[place] >> 4
            if version == 4:
                return self._four(frame, place)
            return self._six(frame, place) if version == 6 else None
        except (IndexError, struct.error):
            return None  # cut off by the capture's own limit, or no packet at all

    def _four(self, frame: Frame, place: int) -> Packet | None:
        data = frame.data
        length, identity, offset, protocol = struct.unpack_from("!HHHxB", data, place + 2)
        begin = place + (data[place] & 0xF) * 4
        source, target = data[place + 12 : place + 16], data[place + 16 : place + 20]
        payload = data[begin : place + length] if length else data[begin:]
        if offset & 0x3FFF:
            key = (source, target, identity, protocol)
            whole = self._joined(key, (offset & 0x1FFF) * 8, payload, more=bool(offset & 0x2000))
            if whole is None:
                return None
            payload = whole
        return Packet(frame.at, frame.number, source, target, protocol, payload)

    def _six(self, frame: Frame, place: int) -> Packet | None:
        data = frame.data
        length, protocol = struct.unpack_from("!HB", data, place + 4)
        source, target = data[place + 8 : place + 24], data[place + 24 : place + 40]
        begin = place + 40
        end = begin + length if length else len(data)
        while True:
            if protocol in _HOP_BY_HOP:
                protocol, begin = data[begin], begin + 8 + data[begin + 1] * 8
            elif protocol == _AUTHENTICATION:
                protocol, begin = data[begin], begin + 8 + data[begin + 1] * 4
            elif protocol == _FRAGMENT:
                following, offset, identity = struct.unpack_from("!BxHI", data, begin)
                payload = data[begin + 8 : end]
                key = (source, target, identity, following)
                whole = self._joined(key, offset & 0xFFF8, payload, more=bool(offset & 1))
                if whole is None:
                    return None
                return Packet(frame.at, frame.number, source, target, following, whole)
            else:
                break
        return Packet(frame.at, frame.number, source, target, protocol, data[begin:end])

    def _joined(
        self, key: tuple[object, ...], offset: int, payload: bytes, *, more: bool
    ) -> bytes | None:
        """Add a fragment; return the datagram where it is whole now."""
        if offset + len(payload) > LARGEST_DATAGRAM:
            return None
        if key not in self._parts and len(self._parts) >= MOST_FRAGMENTED:
            del self._parts[next(iter(self._parts))]
            self.waiting += 1
        parts = self._parts.setdefault(key, _Parts())
        parts.pieces.setdefault(offset, payload)
        if not more:
            parts.size = offset + len(payload)
        whole = parts.whole()
        if whole is not None:
            del self._parts[key]
        return whole

    @property
    def missing(self) -> int:
        """How many datagrams of the file are not whole."""
        return self.waiting + len(self._parts)


def datagram(packet: Packet) -> Datagram | None:
    """Return the UDP datagram of a packet, or None."""
    if packet.protocol != _UDP or len(packet.data) < 8:
        return None
    ports = struct.unpack_from("!HHH", packet.data)
    source, target = _ends(packet, *ports[:2])
    data = packet.data[8 : ports[2] if ports[2] >= 8 else None]
    return Datagram(packet.at, packet.frame, source, target, data)


def segment(packet: Packet) -> Segment | None:
    """Return the TCP segment of a packet, or None."""
    if packet.protocol != _TCP or len(packet.data) < 20:
        return None
    near, far, sequence, _, begin, flags = struct.unpack_from("!HHIIBB", packet.data)
    source, target = _ends(packet, near, far)
    data = packet.data[(begin >> 4) * 4 :]
    return Segment(packet.at, packet.frame, source, target, sequence, flags, data)


def icmp_error(packet: Packet) -> IcmpError | None:
    """Return the ICMP error of a packet where it quotes UDP or TCP, or None."""
    data = packet.data
    if packet.protocol == _ICMP:
        known = len(data) > 8 and data[0] in {3, 11, 12}
    else:
        known = packet.protocol == _ICMP6 and len(data) > 8 and data[0] < 128
    if not known:
        return None
    try:
        inner = Packets().of(Frame(packet.frame, packet.at, _RAW, data[8:]))
        if inner is None or inner.protocol not in {_UDP, _TCP}:
            return None
        source, target = _ends(inner, *struct.unpack_from("!HH", inner.data))
    except struct.error:
        return None
    return IcmpError(
        at=packet.at,
        frame=packet.frame,
        offender=_host(packet.source),
        kind=data[0],
        code=data[1],
        protocol=inner.protocol,
        source=source,
        target=target,
        quoted=inner.data[8 if inner.protocol == _UDP else 20 :],
    )


_HOSTS: dict[bytes, str] = {}


def _host(address: bytes) -> str:
    """Return an address in words; they are few and come again and again."""
    known = _HOSTS.get(address)
    if known is None:
        if len(_HOSTS) > 10_000:
            _HOSTS.clear()
        known = _HOSTS[address] = str(ipaddress.ip_address(address))
    return known


def _ends(packet: Packet, source: int, target: int) -> tuple[End, End]:
    return End(_host(packet.source), source), End(_host(packet.target), target)


# Where the IP header begins ---------------------------------------------------------------------


def _after_type(data: bytes, place: int) -> int:
    """Return where IP begins behind an EtherType at a place; -1 where something else follows."""
    kind = int.from_bytes(data[place : place + 2], "big")
    while kind in _VLAN:
        place += 4
        kind = int.from_bytes(data[place : place + 2], "big")
    if kind == _PPP_SESSION:
        return place + 10
    return place + 2 if kind in {_IPV4, _IPV6} else -1


def _ethernet(data: bytes) -> int:
    return _after_type(data, 12)


def _cooked(data: bytes) -> int:
    return _after_type(data, 14)


def _cooked_2(data: bytes) -> int:
    kind = int.from_bytes(data[:2], "big")
    if kind in _VLAN:  # the tag stands where the packet would
        return _after_type(data, 22)
    return 20 if kind in {_IPV4, _IPV6} else -1


def _loopback(data: bytes) -> int:
    return 4 if len(data) > 4 else -1  # the family differs by system; the version nibble tells


def _bare(data: bytes) -> int:
    return 0 if data else -1


_RAW = 101
_LINKS: dict[int, Callable[[bytes], int]] = {
    0: _loopback,
    1: _ethernet,
    12: _bare,
    14: _bare,
    _RAW: _bare,
    108: _loopback,
    113: _cooked,
    228: _bare,
    229: _bare,
    276: _cooked_2,
}
"""LINKTYPE numbers: null, Ethernet, raw IP (three numbers), loop, Linux cooked v1 and v2."""
