"""The capture file: every SIP message of a run with its real addresses and times.

There was no sniffer: the packets are made again from the trace, as raw IP (LINKTYPE_RAW, so no
Ethernet address is invented) without fragmentation. UDP messages are datagrams. TCP messages are
segments of one stream a connection with sequence numbers that follow on, without a handshake. TLS
messages are written decrypted, as TCP segments; Wireshark and sngrep recognise SIP there by its
content, on port 5061 too. An ICMP error is a packet from the host that sent it and quotes the
header of the datagram that it is about.
"""

import io
import ipaddress
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from heapq import heappop, heappush, heapreplace
from itertools import islice
from pathlib import Path

from msgspec import Struct

from probe.report.kept import Shelf
from probe.trace.trace import IcmpReceived, MessageEvent, MessageSent, Trace

LINKTYPE_RAW = 101
SNAPLEN = 262144
LARGEST_DATAGRAM = 65535 - 20 - 8
LARGEST_SEGMENT = 60000
QUOTED_UDP = 8
PSH_ACK = 0x18
FIRST_SEQUENCE = 1
MOST_AT_ONCE = 1000
"""Events that are put in order in memory; of a longer run, so many at a time."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
End = tuple[Address, int]
"""Address and port of one end; unspecified and 0 where the trace does not say."""


class _Frame(Struct, frozen=True, kw_only=True):
    """One event as it will be written."""

    micros: int
    "Time in microseconds since the epoch."

    source: End
    "Who sent it."

    target: End
    "To whom."

    payload: bytes
    "The message without secrets; of an ICMP error, the message that it is about."

    transport: str
    "UDP, TCP, TLS or ICMP."

    icmp: tuple[int, int] = (0, 0)
    "Type and code of an ICMP error."

    about: End | None = None
    "Where the datagram went that an ICMP error is about."


def write_pcap(path: Path, traces: Iterable[Trace]) -> None:
    """Write the capture file of any number of traces; raise OSError where that is not possible."""
    with path.open("wb") as file:
        file.writelines(pcap_pieces(traces))


def to_pcap(traces: Iterable[Trace]) -> bytes:
    """Return the capture file of any number of traces."""
    return b"".join(pcap_pieces(traces))


def pcap_pieces(traces: Iterable[Trace]) -> Iterator[bytes]:
    """Yield the capture file of the messages and ICMP errors of any number of traces.

    What stands in several traces that follow each other and have one clock (a call's and its
    hangup's) is written once. Packets are in the order of their times.
    """
    from dpkt.pcap import Writer  # noqa: PLC0415 - 40 ms that only a stored run pays

    buffer = io.BytesIO()
    writer = Writer(buffer, snaplen=SNAPLEN, linktype=LINKTYPE_RAW)
    packets = _Packets()
    for frame in _in_order(_frames(traces)):
        for packet in packets.of(frame):
            writer.writepkt_time(packet, frame.micros / 1_000_000)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _frames(traces: Iterable[Trace]) -> Iterator[_Frame]:
    """Yield what is to be written, each thing once."""
    known: set[int] = set()
    clock: datetime | None = None
    for trace in (view for whole in traces for view in whole.views()):
        if trace.started_at != clock:  # another clock: nothing of it was there before
            clock = trace.started_at
            known.clear()
        start = (trace.started_at - EPOCH) // timedelta(microseconds=1)
        last_sent: dict[str, MessageEvent] = {}
        for event in trace.events:
            micros = start + round(event.at * 1_000_000)
            if isinstance(event, MessageEvent):
                sent = isinstance(event, MessageSent)
                if sent and event.transport.upper() == "UDP":
                    last_sent[event.remote] = event
                if _is_new(known, micros, sent, event.text):
                    yield _message(event, micros, sent=sent)
            elif isinstance(event, IcmpReceived) and event.remote in last_sent:
                about = last_sent[event.remote]
                if _is_new(
                    known, micros, event.remote, event.offender, event.icmp_type, event.icmp_code
                ):
                    yield _icmp(event, micros, about)


def _is_new(known: set[int], *key: object) -> bool:
    """Whether something was not seen before; it is from now on."""
    digest = hash(key)
    new = digest not in known
    known.add(digest)
    return new


def _in_order(frames: Iterable[_Frame]) -> Iterator[_Frame]:
    """Yield frames in the order of time; those of one moment in the order in which they came."""
    parts: Shelf[list[_Frame]] = Shelf()
    begins: list[int] = []
    frames = iter(frames)
    while part := sorted(islice(frames, MOST_AT_ONCE), key=lambda frame: frame.micros):
        begins.append(part[0].micros)
        parts.add(part)
    waiting = deque(sorted(range(len(parts)), key=begins.__getitem__))
    heads: list[tuple[int, int, int, list[_Frame]]] = []
    while waiting or heads:
        while waiting and (not heads or begins[waiting[0]] <= heads[0][0]):
            place = waiting.popleft()
            heappush(heads, (begins[place], place, 0, parts[place]))
        _, place, number, part = heads[0]
        yield part[number]
        if number + 1 < len(part):
            heapreplace(heads, (part[number + 1].micros, place, number + 1, part))
        else:
            heappop(heads)


def _message(event: MessageEvent, micros: int, *, sent: bool) -> _Frame:
    local, remote = _ends(event)
    return _Frame(
        micros=micros,
        source=local if sent else remote,
        target=remote if sent else local,
        payload=event.text.encode("utf-8", "surrogateescape"),
        transport=event.transport.upper(),
    )


def _icmp(event: IcmpReceived, micros: int, about: MessageEvent) -> _Frame:
    local, remote = _ends(about)
    return _Frame(
        micros=micros,
        source=(_address(event.offender, remote[0].version), 0),
        target=local,
        payload=about.text.encode("utf-8", "surrogateescape"),
        transport="ICMP",
        icmp=(event.icmp_type, event.icmp_code),
        about=remote,
    )


def _ends(event: MessageEvent) -> tuple[End, End]:
    """Return our end and the peer's; both of the IP version of the peer's address."""
    remote_host, remote_port = _split(event.remote)
    local_host, local_port = _split(event.local)
    remote = _address(remote_host)
    return (_address(local_host, remote.version), local_port), (remote, remote_port)


def _split(text: str) -> tuple[str, int]:
    """Split ip:port; the port is 0 where there is none that can be read."""
    host, _, port = text.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536
    return host.strip("[]"), int(port) if known else 0


@lru_cache(maxsize=64)
def _address(text: str, version: int | None = None) -> Address:
    """Read an address; the unspecified one where it is empty, no address, or of another version."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        address = ipaddress.ip_address("::" if version == 6 else "0.0.0.0")  # noqa: S104 - no socket
    if version is not None and address.version != version:
        return ipaddress.ip_address("::" if version == 6 else "0.0.0.0")  # noqa: S104 - no socket
    return address


class _Packets:
    """Makes IP packets of frames and counts the bytes of each TCP stream."""

    def __init__(self) -> None:
        self._next: dict[tuple[End, End], int] = {}

    def of(self, frame: _Frame) -> list[bytes]:
        """Return the packets of a frame: one, or as many segments as a long TCP message needs."""
        if frame.transport == "ICMP":
            return [self._icmp(frame)]
        if frame.transport == "UDP":
            return [self._udp(frame.source, frame.target, frame.payload)]
        return self._tcp(frame)

    def _udp(self, source: End, target: End, payload: bytes) -> bytes:
        from dpkt.udp import UDP  # noqa: PLC0415 - loaded with dpkt.pcap already

        payload = payload[:LARGEST_DATAGRAM]
        datagram = UDP(sport=source[1], dport=target[1], ulen=QUOTED_UDP + len(payload))
        datagram.data = payload
        return _ip(source[0], target[0], 17, datagram)

    def _tcp(self, frame: _Frame) -> list[bytes]:
        from dpkt.tcp import TCP  # noqa: PLC0415 - loaded with dpkt.pcap already

        flow = (frame.source, frame.target)
        back = (frame.target, frame.source)
        packets = []
        for begin in range(0, len(frame.payload), LARGEST_SEGMENT):
            part = frame.payload[begin : begin + LARGEST_SEGMENT]
            sequence = self._next.get(flow, FIRST_SEQUENCE)
            segment = TCP(
                sport=frame.source[1],
                dport=frame.target[1],
                seq=sequence,
                ack=self._next.get(back, FIRST_SEQUENCE),
                flags=PSH_ACK,
                data=part,
            )
            self._next[flow] = (sequence + len(part)) % 2**32
            packets.append(_ip(frame.source[0], frame.target[0], 6, segment))
        return packets

    def _icmp(self, frame: _Frame) -> bytes:
        from dpkt.icmp import ICMP  # noqa: PLC0415 - loaded with dpkt.pcap already
        from dpkt.icmp6 import ICMP6  # noqa: PLC0415 - loaded with dpkt.pcap already

        about = frame.about or frame.source
        header = 40 if about[0].version == 6 else 20
        quoted = self._udp(frame.target, about, frame.payload)[: header + QUOTED_UDP]
        kind, code = frame.icmp
        form, protocol = (ICMP6, 58) if about[0].version == 6 else (ICMP, 1)
        error = form(type=kind, code=code)
        error.data = bytes(4) + quoted
        return _ip(frame.source[0], frame.target[0], protocol, error)


def _ip(source: Address, target: Address, protocol: int, payload: object) -> bytes:
    """Return an IPv4 or IPv6 packet with its checksums."""
    from dpkt.ip import IP  # noqa: PLC0415 - loaded with dpkt.pcap already
    from dpkt.ip6 import IP6  # noqa: PLC0415 - loaded with dpkt.pcap already

    if source.version == 6:
        packet = IP6(src=source.packed, dst=target.packed, nxt=protocol, hlim=64)
        packet.data = payload
        packet.plen = len(packet.data)
        return bytes(packet)
    return bytes(IP(src=source.packed, dst=target.packed, p=protocol, data=payload))
