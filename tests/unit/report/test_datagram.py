"""Packets of a capture: byte for byte what a library of protocols makes of the same values."""

import ipaddress

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from probe.report.datagram import End, icmp, tcp, udp

PORTS = st.integers(0, 65535)
PAYLOADS = st.binary(max_size=60) | st.integers(0, 9).map(bytes) | st.just(b"\xff" * 7)


def _two(size: int) -> st.SearchStrategy[tuple[End, End]]:
    """Return two ends whose addresses have so many bytes."""
    end = st.tuples(st.binary(min_size=size, max_size=size), PORTS)
    return st.tuples(end, end)


ENDS = _two(4) | _two(16)


def packed(source: bytes, target: bytes, protocol: int, payload: dpkt.Packet) -> bytes:
    """Return the IP packet that the library makes."""
    if len(source) == 4:
        return bytes(dpkt.ip.IP(src=source, dst=target, p=protocol, data=payload))
    packet = dpkt.ip6.IP6(src=source, dst=target, nxt=protocol, hlim=64)
    packet.data = payload
    packet.plen = len(packet.data)
    return bytes(packet)


@given(ENDS, PAYLOADS)
def test_a_datagram_has_the_right_headers(ends: tuple[End, End], payload: bytes) -> None:
    """UDP over IPv4 and IPv6, with a checksum that is never zero."""
    source, target = ends
    datagram = dpkt.udp.UDP(sport=source[1], dport=target[1], ulen=8 + len(payload))
    datagram.data = payload
    assert udp(source, target, payload) == packed(source[0], target[0], 17, datagram)


@given(ENDS, PAYLOADS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_segment_has_the_right_headers(
    ends: tuple[End, End], payload: bytes, sequence: int, acknowledged: int
) -> None:
    """TCP with its numbers, PSH and ACK."""
    source, target = ends
    segment = dpkt.tcp.TCP(
        sport=source[1], dport=target[1], seq=sequence, ack=acknowledged, flags=0x18, data=payload
    )
    made = tcp(source, target, payload, sequence, acknowledged)
    assert made == packed(source[0], target[0], 6, segment)


@given(ENDS, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=28))
def test_an_icmp_error_has_the_right_headers(
    ends: tuple[End, End], kind: int, code: int, quoted: bytes
) -> None:
    """ICMP, and ICMPv6 whose checksum covers the addresses."""
    source, target = ends[0][0], ends[1][0]
    form, protocol = (dpkt.icmp.ICMP, 1) if len(source) == 4 else (dpkt.icmp6.ICMP6, 58)
    error = form(type=kind, code=code)
    error.data = bytes(4) + quoted
    assert icmp(source, target, kind, code, quoted) == packed(source, target, protocol, error)


def test_the_addresses_are_where_they_belong() -> None:
    """The library reads them back."""
    ends = [(ipaddress.ip_address(text).packed, 5060) for text in ("192.0.2.1", "198.51.100.7")]
    packet = dpkt.ip.IP(udp(ends[0], ends[1], b"x"))
    assert (packet.src, packet.dst, packet.udp.data) == (ends[0][0], ends[1][0], b"x")
