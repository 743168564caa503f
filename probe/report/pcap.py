"""The capture file: every SIP message of a run with its real addresses and times.

There was no sniffer: the packets are made again from the trace, as raw IP (LINKTYPE_RAW, so no
Ethernet address is invented) without fragmentation. UDP messages are datagrams. TCP messages are
segments of one stream a connection with sequence numbers that follow on, without a handshake. TLS
messages are written decrypted, as TCP segments; Wireshark and sngrep recognise SIP there by its
content, on port 5061 too. An ICMP error is a packet from the host that sent it and quotes the
header of the datagram that it is about.
"""

import ipaddress
import struct
from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from probe.report.datagram import LARGEST_DATAGRAM, QUOTED_UDP, End, icmp, tcp, udp
from probe.report.pile import Pile
from probe.trace.trace import IcmpReceived, MessageEvent, MessageSent, Trace

__all__ = ["LARGEST_DATAGRAM", "Capture", "pcap_pieces", "to_pcap", "write_pcap"]
"""The largest datagram is named here too: a longer message is cut in a capture."""

LINKTYPE_RAW = 101
SNAPLEN = 262144
LARGEST_SEGMENT = 60000
FIRST_SEQUENCE = 1
MOST_CLOCKS = 256
"""Scenarios of which it is known what was written: so many run at a time at most."""

AT_ONCE = 1 << 16
"""Bytes of a capture that are written at a time."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_FILE = struct.Struct("<IHHiIII")
_PACKET = struct.Struct("<IIII")
_STREAM = struct.Struct("<B16sH16sH")


def write_pcap(path: Path, traces: Iterable[Trace]) -> None:
    """Write the capture file of any number of traces; raise OSError where that is not possible."""
    with path.open("wb") as file:
        file.writelines(pcap_pieces(traces))


def to_pcap(traces: Iterable[Trace]) -> bytes:
    """Return the capture file of any number of traces."""
    return b"".join(pcap_pieces(traces))


def pcap_pieces(traces: Iterable[Trace]) -> Iterator[bytes]:
    """Yield the capture file of the messages and ICMP errors of any number of traces.

    What stands in several traces that have one clock (a call's and its hangup's) is written once.
    Packets are in the order of their times, those of one moment as they came.
    """
    capture = Capture()
    for trace in traces:
        capture.add(trace)
    yield from capture.pieces()


class Capture:
    """The packets of traces, made as the traces come and written in the order of their times."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder whose disk has the room, None for that of temporary files."""
        self._pile = Pile(folder)
        self._times = array("q")
        self._places = array("L")
        "The trace of each packet, counted over those that had any."
        self._ends = array("L")
        "Where each packet ends in the piece of its trace."
        self._known: dict[datetime, set[int]] = {}

    def add(self, trace: Trace) -> None:
        """Take what a trace and its legs show and no trace of the same clock showed before."""
        for view in trace.views():
            taken = self._taken(view)
            if taken:
                self._pile.add(b"".join(taken))

    def _taken(self, trace: Trace) -> list[bytes]:
        """Return what is new of a trace, packet by packet, each with its time taken down."""
        known = self._known.get(trace.started_at)
        if known is None:
            known = self._known[trace.started_at] = set()
            if len(self._known) > MOST_CLOCKS:
                del self._known[next(iter(self._known))]
        start = (trace.started_at - EPOCH) // timedelta(microseconds=1)
        place, end = len(self._pile), 0
        taken: list[bytes] = []
        for at, held in _packets(trace, known):
            self._times.append(start + at)
            self._places.append(place)
            self._ends.append(end := end + len(held))
            taken.append(held)
        return taken

    def pieces(self) -> Iterator[bytes]:
        """Yield the file."""
        yield _FILE.pack(0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW)
        streams: dict[tuple[End, End], int] = {}
        waiting: list[bytes] = []
        size = 0
        for number in sorted(range(len(self._times)), key=self._times.__getitem__):
            held = self._held(number)
            time = divmod(self._times[number], 1_000_000)
            for packet in (held[1:],) if held[0] == 0 else _segments(held, streams):
                waiting += (_PACKET.pack(*time, len(packet), len(packet)), packet)
                size += len(packet)
            if size > AT_ONCE:
                yield b"".join(waiting)
                waiting.clear()
                size = 0
        yield b"".join(waiting)

    def _held(self, number: int) -> bytes:
        """Return what was taken down as one packet."""
        place = self._places[number]
        first = number == 0 or self._places[number - 1] != place
        begin = 0 if first else self._ends[number - 1]
        return self._pile[place][begin : self._ends[number]]


def _packets(trace: Trace, known: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield what is new of a trace: microseconds on its clock, and what is kept of a packet."""
    last_sent: dict[str, MessageEvent] = {}
    for event in trace.events:
        if isinstance(event, MessageEvent):
            sent = isinstance(event, MessageSent)
            at = round(event.at * 1_000_000)
            if sent and event.transport.upper() == "UDP":
                last_sent[event.remote] = event
            if _is_new(known, at, sent, event.text):
                yield at, _packet(event, sent=sent)
        elif isinstance(event, IcmpReceived):
            about = last_sent.get(event.remote)
            at = round(event.at * 1_000_000)
            key = (event.remote, event.offender, event.icmp_type, event.icmp_code)
            if about is not None and _is_new(known, at, *key):
                yield at, b"\0" + _icmp(event, about)


def _is_new(known: set[int], *key: object) -> bool:
    """Whether something was not seen before; it is from now on."""
    digest = hash(key)
    new = digest not in known
    known.add(digest)
    return new


def _packet(event: MessageEvent, *, sent: bool) -> bytes:
    """Return what is kept of a message: a datagram, or a piece of a stream that waits for its turn.

    The number of a piece in its stream is known when all of them are in order.
    """
    local, remote = _ends(event.local, event.remote)
    source, target = (local, remote) if sent else (remote, local)
    payload = event.text.encode("utf-8", "surrogateescape")
    if event.transport.upper() == "UDP":
        return b"\0" + udp(source, target, payload)
    return _STREAM.pack(len(source[0]), *source, *target) + payload


def _segments(held: bytes, streams: dict[tuple[End, End], int]) -> Iterator[bytes]:
    """Yield the segments of a piece of a stream: as many as a long TCP message needs.

    ``streams`` says which number comes next in each.
    """
    size, from_address, from_port, to_address, to_port = _STREAM.unpack_from(held)
    source, target = (from_address[:size], from_port), (to_address[:size], to_port)
    payload = memoryview(held)[_STREAM.size :]
    for begin in range(0, len(payload), LARGEST_SEGMENT):
        part = bytes(payload[begin : begin + LARGEST_SEGMENT])
        sequence = streams.get((source, target), FIRST_SEQUENCE)
        yield tcp(source, target, part, sequence, streams.get((target, source), FIRST_SEQUENCE))
        streams[source, target] = (sequence + len(part)) % 2**32


def _icmp(event: IcmpReceived, about: MessageEvent) -> bytes:
    """Return an ICMP error about a datagram of ours: its sender quotes the datagram's headers."""
    local, remote = _ends(about.local, about.remote)
    quoted = udp(local, remote, about.text.encode("utf-8", "surrogateescape"))
    header = (40 if len(remote[0]) == 16 else 20) + QUOTED_UDP
    offender = _address(event.offender, len(remote[0]))
    return icmp(offender, local[0], event.icmp_type, event.icmp_code, quoted[:header])


@lru_cache(maxsize=256)
def _ends(ours: str, theirs: str) -> tuple[End, End]:
    """Return our end and the peer's; both of the IP version of the peer's address."""
    remote_host, remote_port = _split(theirs)
    local_host, local_port = _split(ours)
    remote = _address(remote_host)
    return (_address(local_host, len(remote)), local_port), (remote, remote_port)


def _split(text: str) -> tuple[str, int]:
    """Split ip:port; the port is 0 where there is none that can be read."""
    host, _, port = text.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536
    return host.strip("[]"), int(port) if known else 0


def _address(text: str, size: int | None = None) -> bytes:
    """Return an address; zeros where it is empty, no address, or of another ``size`` in bytes."""
    try:
        packed = ipaddress.ip_address(text.partition("%")[0]).packed
    except ValueError:
        packed = bytes(4)
    return packed if size in {None, len(packed)} else bytes(size or 4)
