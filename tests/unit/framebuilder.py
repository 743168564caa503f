"""Builds capture files out of built wires, with dpkt: every link, both IP versions, TCP and ICMP.

A ``Film`` collects frames with their times and writes them as pcap or pcapng. A ``Wire``'s messages
go between its two ends (192.0.2.10 and 198.51.100.1, port 5060) unless others are named::

    Film().wire(refused_call(403)).pause(40).pcap(tmp_path / "x.pcap")
"""

import gzip
import io
import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path

import dpkt
from dpkt.dns import DNS
from dpkt.ethernet import Ethernet
from dpkt.icmp import ICMP
from dpkt.icmp6 import ICMP6
from dpkt.ip import IP
from dpkt.ip6 import IP6
from dpkt.tcp import TCP
from dpkt.udp import UDP
from wirebuilder import Wire

from probe.trace.trace import MessageEvent, MessageSent, Trace

US, THEM = ("192.0.2.10", 5060), ("198.51.100.1", 5060)
US6, THEM6 = ("2001:db8::10", 5060), ("2001:db8:1::1", 5060)
STARTED = 1_795_000_000.0
"""Wall time of the first frame, seconds since 1970."""

End = tuple[str, int]

SYN, ACK, RST, FIN, PUSH = 0x02, 0x10, 0x04, 0x01, 0x18


def ip(source: str, target: str, protocol: int, payload: object) -> bytes:
    """Return an IP packet of the version of its addresses."""
    near, far = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if near.version == 6:
        packet = IP6(src=near.packed, dst=far.packed, nxt=protocol, hlim=64)
        packet.data = payload
        packet.plen = len(bytes(payload))  # type: ignore[call-overload]  # dpkt has no types
        return bytes(packet)
    return bytes(IP(src=near.packed, dst=far.packed, p=protocol, id=7, data=payload))


def udp(source: End, target: End, data: bytes) -> bytes:
    """Return an IP packet with a datagram."""
    datagram = UDP(sport=source[1], dport=target[1], ulen=8 + len(data))
    datagram.data = data
    return ip(source[0], target[0], 17, datagram)


def tcp(source: End, target: End, *, seq: int, flags: int = PUSH, data: bytes = b"") -> bytes:
    """Return an IP packet with a segment."""
    part = TCP(sport=source[1], dport=target[1], seq=seq % 2**32, ack=1, flags=flags, data=data)
    return ip(source[0], target[0], 6, part)


def icmp(offender: str, about: bytes, kind: int, code: int) -> bytes:
    """Return the error of a host about a packet."""
    six = about[0] >> 4 == 6
    receiver = about[8:24] if six else about[12:16]
    error = (ICMP6 if six else ICMP)(type=kind, code=code)
    error.data = bytes(4) + about
    return ip(offender, str(ipaddress.ip_address(receiver)), 58 if six else 1, error)


def fragments(packet: bytes, size: int = 512) -> list[bytes]:
    """Return an IP packet in fragments of so many bytes (a multiple of 8)."""
    if packet[0] >> 4 == 6:
        payload, kind = packet[40:], packet[6]
        found = []
        for place in range(0, len(payload), size):
            part = payload[place : place + size]
            more = place + size < len(payload)
            head = struct.pack("!BBHI", kind, 0, place | more, 99)
            found.append(
                packet[:4] + struct.pack("!HB", len(part) + 8, 44) + packet[7:40] + head + part
            )
        return found
    payload = packet[20:]
    found = []
    for place in range(0, len(payload), size):
        part = payload[place : place + size]
        more = 0x2000 if place + size < len(payload) else 0
        length = struct.pack("!H", 20 + len(part))
        where = struct.pack("!H", more | place // 8)
        found.append(packet[:2] + length + packet[4:6] + where + packet[8:20] + part)
    return found


LINKS = {
    "ethernet": (1, lambda p: bytes(Ethernet(type=_type(p)))[:14] + p),
    "vlan": (1, lambda p: bytes(12) + b"\x81\x00\x00\x05" + _type(p).to_bytes(2, "big") + p),
    "qinq": (
        1,
        lambda p: bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + _type(p).to_bytes(2, "big") + p,
    ),
    "null": (0, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else 30) + p),
    "loop": (108, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 24) + p),
    "raw": (101, lambda p: p),
    "ipv4": (228, lambda p: p),
    "ipv6": (229, lambda p: p),
    "cooked": (113, lambda p: bytes(14) + _type(p).to_bytes(2, "big") + p),
    "cooked2": (276, lambda p: _type(p).to_bytes(2, "big") + bytes(18) + p),
    "pppoe": (
        1,
        lambda p: (
            bytes(12) + b"\x88\x64\x11\x00\x00\x01" + len(p).to_bytes(2, "big") + b"\0\x21" + p
        ),
    ),
}
"""Name to LINKTYPE, and what puts the header of the link before a packet."""


def _type(packet: bytes) -> int:
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


class Film:
    """Frames with their times."""

    def __init__(self, link: str = "ethernet") -> None:
        self.link, self._wrap = LINKS[link]
        self.frames: list[tuple[float, bytes]] = []
        self.now = 0.0
        self._sequences: dict[tuple[End, End], int] = {}

    def packet(self, packet: bytes, *, at: float | None = None) -> "Film":
        """Add an IP packet, 10 ms after the last one where no time is given."""
        self.now = self.now + 0.01 if at is None else at
        self.frames.append((STARTED + self.now, self._wrap(packet)))
        return self

    def pause(self, seconds: float) -> "Film":
        """Let time pass until a frame that has nothing to do with SIP."""
        return self.packet(udp(("192.0.2.99", 9), ("192.0.2.98", 9), b"x"), at=self.now + seconds)

    def wire(  # noqa: PLR0913 - what of a wire is varied
        self,
        wire: Wire | Trace,
        *,
        us: End = US,
        them: End = THEM,
        stream: bool = False,
        after: float = 0.01,
        size: int = 1400,
        call_id: str | None = None,
    ) -> "Film":
        """Add the messages of a wire, over UDP or in segments of one connection."""
        trace = wire.trace() if isinstance(wire, Wire) else wire
        begin = self.now + after
        for event in trace.events:
            if isinstance(event, MessageEvent):
                sent = isinstance(event, MessageSent)
                near, far = (us, them) if sent else (them, us)
                data = event.text.encode("utf-8", "surrogateescape")
                if call_id is not None:
                    data = data.replace(b"c1@192.0.2.10", call_id.encode())
                at = begin + event.at
                if stream:
                    self.stream(near, far, data, at=at, size=size)
                else:
                    self.packet(udp(near, far, data), at=at)
        return self

    def stream(
        self, near: End, far: End, data: bytes, *, at: float | None = None, size: int = 1400
    ) -> "Film":
        """Add bytes of a connection, in segments."""
        for place in range(0, len(data), size):
            part = data[place : place + size]
            sequence = self._sequences.get((near, far), 1000)
            self.packet(tcp(near, far, seq=sequence, data=part), at=at)
            self._sequences[near, far] = sequence + len(part)
        return self

    def connect(self, near: End, far: End) -> "Film":
        """Add the handshake of a connection."""
        self.packet(tcp(near, far, seq=999, flags=SYN))
        self.packet(tcp(far, near, seq=4_294_967_290, flags=SYN | ACK))
        self._sequences[far, near] = 4_294_967_291
        self._sequences[near, far] = 1000
        return self.packet(tcp(near, far, seq=1000, flags=ACK))

    def dns(self, asker: str, name: str, *addresses: str, kind: int = 1, rcode: int = 0) -> "Film":
        """Add a question and its answer."""
        question = DNS.Q(name=name, type=kind)
        ask = DNS(id=5, op=dpkt.dns.DNS_RD, qd=[question])
        told = DNS(id=5, op=dpkt.dns.DNS_QR | rcode, qd=[question])
        told.an = [
            DNS.RR(
                name=name,
                type=kind,
                rdata=ipaddress.ip_address(one).packed,
                rlen=len(ipaddress.ip_address(one).packed),
            )
            for one in addresses
        ]
        near, far = (asker, 41000), ("192.0.2.53", 53)
        self.packet(udp(near, far, bytes(ask)))
        return self.packet(udp(far, near, bytes(told)))

    def bytes(self) -> "bytes":
        """Return the frames as a pcap file."""
        return pcap(self.frames, self.link)

    def pcap(self, path: Path) -> Path:
        """Write them, compressed where the name ends so."""
        data = self.bytes() if "pcapng" not in path.name else pcapng([(self.link, self.frames)])
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path


def pcap(
    frames: Iterable[tuple[float, bytes]], link: int, *, order: str = "<", nano: bool = False
) -> bytes:
    """Return a pcap file: little or big endian, in µs or ns."""
    units = 1_000_000_000 if nano else 1_000_000
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = io.BytesIO()
    out.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link))
    for at, data in frames:
        seconds, rest = divmod(round(at * units), units)
        out.write(struct.pack(order + "IIII", seconds, rest, len(data), len(data)))
        out.write(data)
    return out.getvalue()


def pcapng(
    interfaces: list[tuple[int, list[tuple[float, bytes]]]], *, order: str = "<", power: int = 9
) -> bytes:
    """Return a pcapng file: an interface for each (link type, frames), a unit is 10**-power s."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(order + "I", 12 + len(body))
        return struct.pack(order + "I", kind) + length + body + length

    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(4, b"\0" * 4)  # names: nothing that is read
    for link, _ in interfaces:
        options = struct.pack(order + "HHB3xHH", 9, 1, power, 0, 0)
        out += block(1, struct.pack(order + "HHI", link, 0, 0) + options)
    frames = sorted(
        (at, number, data) for number, (_, held) in enumerate(interfaces) for at, data in held
    )
    for at, number, data in frames:
        units = round(at * 1_000_000) * 10 ** (power - 6)
        head = (number, units >> 32, units & 0xFFFFFFFF, len(data), len(data))
        out += block(6, struct.pack(order + "IIIII", *head) + data)
    return out
