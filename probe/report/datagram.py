"""IP packets made again from what they carried: UDP, TCP and ICMP, with their checksums.

A run of ten thousand calls has a hundred thousand of them, and most is the same in all: so each is
packed in one go, and the sum of a checksum (RFC 1071) is a remainder of the bytes as one number.
"""

import struct
from functools import lru_cache

End = tuple[bytes, int]
"""Address and port of one end: 4 bytes of IPv4 or 16 of IPv6; zeros where nobody said it."""

LARGEST_DATAGRAM = 65535 - 20 - 8
"""Bytes that a UDP datagram over IPv4 carries at most."""

QUOTED_UDP = 8
"""Bytes of a UDP header; an ICMP error quotes so many behind the IP header (RFC 792)."""

_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_PSH_ACK = 0x18
_WINDOW = 65535
_HOPS = 64
_ONES = 0xFFFF

_FIXED = 0x4500 + (_HOPS << 8)
"""What the words of an IPv4 header come to that are the same in all, without the protocol."""

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP_HEAD = struct.Struct("!HHHH")
_TCP_HEAD = struct.Struct("!HHIIBBHHH")
_ICMP_HEAD = struct.Struct("!BBHI")


def udp(source: End, target: End, payload: bytes) -> bytes:
    """Return a UDP datagram (RFC 768) with its IP header; what is too long for one is cut."""
    payload = payload[:LARGEST_DATAGRAM]
    size = QUOTED_UDP + len(payload)
    total = _pseudo(source[0], target[0], _UDP, size) + source[1] + target[1] + size + _sum(payload)
    head = _UDP_HEAD.pack(source[1], target[1], size, _checksum(total) or _ONES)
    return _ip(source[0], target[0], _UDP, size) + head + payload


def tcp(source: End, target: End, payload: bytes, sequence: int, acknowledged: int) -> bytes:
    """Return a TCP segment (RFC 9293) with PSH and ACK, and its IP header."""
    ports, numbers = (source[1], target[1]), (sequence, acknowledged)
    head = _TCP_HEAD.pack(*ports, *numbers, 5 << 4, _PSH_ACK, _WINDOW, 0, 0)
    size = len(head) + len(payload)
    total = _pseudo(source[0], target[0], _TCP, size) + _sum(head) + _sum(payload)
    head = _TCP_HEAD.pack(*ports, *numbers, 5 << 4, _PSH_ACK, _WINDOW, _checksum(total), 0)
    return _ip(source[0], target[0], _TCP, size) + head + payload


def icmp(source: bytes, target: bytes, kind: int, code: int, quoted: bytes) -> bytes:
    """Return an ICMP error (RFC 792, RFC 4443) about a packet, of which it quotes the beginning."""
    head = _ICMP_HEAD.pack(kind, code, 0, 0)
    protocol = _ICMPV6 if len(source) == 16 else _ICMP
    total = _sum(head) + _sum(quoted)
    if protocol == _ICMPV6:
        total += _pseudo(source, target, protocol, len(head) + len(quoted))
    head = _ICMP_HEAD.pack(kind, code, _checksum(total), 0)
    return _ip(source, target, protocol, len(head) + len(quoted)) + head + quoted


def _ip(source: bytes, target: bytes, protocol: int, size: int) -> bytes:
    """Return the header of an IPv4 (RFC 791) or IPv6 (RFC 8200) packet with ``size`` bytes."""
    if len(source) == 16:
        return _IPV6.pack(6 << 28, size & _ONES, protocol, _HOPS, source, target)
    size = (20 + size) & _ONES
    total = _FIXED + size + protocol + _of_both(source, target)
    return _IPV4.pack(0x45, 0, size, 0, 0, _HOPS, protocol, _checksum(total), source, target)


def _pseudo(source: bytes, target: bytes, protocol: int, size: int) -> int:
    """Return the sum of the pseudo header (RFC 768, RFC 8200 §8.1)."""
    return _of_both(source, target) + protocol + size


@lru_cache(maxsize=256)
def _of_both(source: bytes, target: bytes) -> int:
    """Return the sum of two addresses."""
    return _sum(source + target)


def _sum(data: bytes) -> int:
    """Return the sum of the 16-bit words of some bytes, modulo 2^16 - 1; 0 only of zeros.

    2^16 leaves 1 when it is divided by 2^16 - 1: the number that the bytes are leaves what their
    words together leave.
    """
    number = int.from_bytes(data, "big")
    if len(data) % 2:
        number <<= 8
    return number and (number % _ONES or _ONES)


def _checksum(total: int) -> int:
    """Return the checksum of a sum."""
    return _ONES - (total and (total % _ONES or _ONES))
