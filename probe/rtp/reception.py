"""Counts what one direction receives (RFC 3550 §6.4.1, appendices A.1, A.3, A.8).

Each SSRC is a stream of its own with its own sequence numbers; the figures of a call are their
sums. Time is when the kernel took the packet, so nothing that this process does late is counted
as jitter.

A sender may fall silent on purpose (no voice, RFC 3389 or none): then its sequence numbers go on
without a hole and its timestamps jump by the length of the silence. That is a pause. A hole in the
numbers, or timestamps that do not jump, is a gap.
"""

from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from probe.rtp.packet import RtpPacket
from probe.rtp.slices import Slices
from probe.rtp.sound import Kind
from probe.trace.media import Gap, MediaSlice, PayloadType, SourceChange

BUFFER_S = 0.06
"""The jitter buffer that "discarded" supposes: three packets of 20 ms."""

MOST_CHANGES = 50
"""Changes of source that are kept."""

MOST_GAPS = 500
"""Gaps that are kept."""

_DROPOUT = 3000
"""A jump of the sequence number up to this is loss (RFC 3550 appendix A.1)."""

_MISORDER = 1000
"""A step back up to this is a late packet or a copy (RFC 3550 appendix A.1 has 100; a relay that
holds packets for seconds is one of the faults that we measure)."""

_REBASE = 50
"""So many late packets in a row, and a jitter buffer would have moved: the path became longer."""

_HALF = 1 << 31
_SEQUENCES = 1 << 16


class Known(Struct, frozen=True):
    """What the session descriptions say of a payload type."""

    kind: Kind
    codec: str
    clock_rate: int


UNKNOWN = Known(Kind.OTHER, "", 8000)

Lookup = Callable[[int], Known]


class _Stream:
    """Sequence numbers, timestamps and jitter of one SSRC."""

    def __init__(self, first: RtpPacket, at: float, base: int) -> None:
        self.ssrc = first.ssrc
        self.first = base + first.sequence
        self.highest = self.first
        self.received = 0
        self.seen: set[int] = set()
        self.jitter = 0.0
        "In seconds."
        self.timestamp = first.timestamp
        "The last one, 32 bits."
        self.unwrapped = 0
        "The last one, counted on from the first."
        self.last: tuple[float, int, int] | None = None
        "Arrival, unwrapped timestamp and extended sequence number of the last packet of sound."
        self.restart: int | None = None
        self.at = at
        self.transit: float | None = None
        "Smallest delay of a packet against its timestamp so far, in seconds."
        self.late = 0

    def place(self, sequence: int) -> int | None:
        """Return the extended sequence number, None where it fits nothing that came before."""
        step = (sequence - self.highest) % _SEQUENCES
        if step < _DROPOUT:
            return self.highest + step
        if step >= _SEQUENCES - _MISORDER:
            return self.highest + step - _SEQUENCES
        return None

    @property
    def expected(self) -> int:
        return self.highest - self.first + 1


class Reception:
    """The figures of everything that one call received."""

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        self.reordered = 0
        self.duplicates = 0
        self.discarded = 0
        self.pauses = 0
        self.comfort_noise = 0
        self.jitter_max = 0.0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.source = ""
        self.changes: list[SourceChange] = []
        self.gaps: list[Gap] = []
        self.bursts = 0
        "Runs of lost packets, for how bursty the loss was."
        self._jitter_sum = 0.0
        self._jitters = 0
        self._address = ""
        self._types: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self._steps: Counter[float] = Counter()
        self._step: float | None = None
        "The most frequent of them."
        self._patience = BUFFER_S
        "How long nothing may come before that is a gap, in seconds."
        self._streams: list[_Stream] = []
        self._stream: _Stream | None = None
        self._slices = Slices()
        self._silent = False
        "Whether the last packet announced a silence."
        self._since: float | None = None
        "From when on packets are due: None while the direction lets nothing come."

    def copied(self, data: bytes) -> bool:
        """Whether an encrypted packet is a copy of one that came; its header can be read."""
        stream = self._stream
        if stream is None or len(data) < 12 or int.from_bytes(data[8:12], "big") != stream.ssrc:
            return False
        if stream.place(int.from_bytes(data[2:4], "big")) not in stream.seen:
            return False
        self.duplicates += 1
        return True

    # What comes ---------------------------------------------------------------------------------

    def take(self, packet: RtpPacket, at: float, address: str, lookup: Lookup) -> int | None:
        """Count one packet; return its extended sequence number, None for a copy or a stray."""
        known = lookup(packet.payload_type)
        stream = self._stream
        if stream is None or stream.ssrc != packet.ssrc:
            stream = self._new_stream(packet, at)
        place = stream.place(packet.sequence)
        if place is None:
            if stream.restart != packet.sequence:  # one stray packet, or the first of a new count
                stream.restart = (packet.sequence + 1) % _SEQUENCES
                return None
            stream = self._new_stream(packet, at, again=True)
            place = stream.first
        if place in stream.seen:
            self.duplicates += 1
            return None
        if address != self._address:
            self._moved(address, at)
        stream.seen.add(place)
        self._count(packet, at, known)
        self._order(stream, place, at)
        self._time(stream, packet, place, at, known)
        if len(stream.seen) > 4 * _MISORDER:
            stream.seen = {one for one in stream.seen if one > stream.highest - 2 * _MISORDER}
        return place

    def _count(self, packet: RtpPacket, at: float, known: Known) -> None:
        self.packets += 1
        self.octets += len(packet.payload)
        self._types[packet.payload_type] += 1
        self._names.setdefault(packet.payload_type, known.codec)
        self.comfort_noise += known.kind is Kind.COMFORT_NOISE
        if self.first_at is None:
            self.first_at = at
        self.last_at = at

    def _order(self, stream: _Stream, place: int, at: float) -> None:
        """Keep the highest number; what was missing and comes after all is lost no more."""
        stream.received += 1
        if place < stream.highest:
            if place < stream.first:
                stream.first = place
            else:
                self._slices.found(at)
            self.reordered += 1
            self._slices.came(at, 0, stream.jitter)
            return
        missing = place - stream.highest - 1 if stream.received > 1 else 0
        stream.highest = place
        self.bursts += missing > 0
        self._slices.came(at, max(missing, 0), stream.jitter)

    def _time(
        self, stream: _Stream, packet: RtpPacket, place: int, at: float, known: Known
    ) -> None:
        """Follow timestamps: jitter, packet time, pauses and gaps, lateness."""
        if known.kind is Kind.EVENT:  # all packets of an event carry one timestamp
            self._pulse(stream, None, place, at)
            return
        step = (packet.timestamp - stream.timestamp + _HALF) % (2 * _HALF) - _HALF
        stream.timestamp = packet.timestamp
        stream.unwrapped += step
        due = stream.unwrapped / known.clock_rate
        self._late(stream, at - due)
        before = stream.last
        if before is None:
            self._pulse(stream, None, place, at)
        else:
            elapsed = at - before[0]
            advanced = (stream.unwrapped - before[1]) / known.clock_rate
            stream.jitter += (abs(elapsed - advanced) - stream.jitter) / 16
            self._jitter_sum += stream.jitter
            self._jitters += 1
            self.jitter_max = max(self.jitter_max, stream.jitter)
            if place == before[2] + 1 and known.kind is Kind.AUDIO and 0 < advanced <= 0.2:
                self._stepped(advanced)
            self._pulse(stream, advanced, place, at)
        stream.last = (at, stream.unwrapped, place)
        self._silent = known.kind is Kind.COMFORT_NOISE

    def _stepped(self, advanced: float) -> None:
        """Count a packet time."""
        count = self._steps[advanced] = self._steps[advanced] + 1
        if advanced != self._step and (self._step is None or count > self._steps[self._step]):
            self._step = advanced
            self._patience = max(BUFFER_S, 3 * advanced)

    def _pulse(self, stream: _Stream, advanced: float | None, place: int, at: float) -> None:
        """Find pauses and gaps between the last packet, of whatever kind, and this one."""
        before = self._since
        if before is None or at > before:
            self._since = at
        if before is None or at - before <= self._patience:
            return
        unbroken = stream.last is not None and place == stream.last[2] + 1
        announced = self._silent or (
            unbroken and advanced is not None and advanced > (at - before) / 2
        )
        if announced:
            self.pauses += 1
        else:
            self._gap(before, at)

    def _late(self, stream: _Stream, transit: float) -> None:
        """Hold a packet against a jitter buffer that plays BUFFER_S behind the fastest one."""
        if stream.transit is None or transit < stream.transit:
            stream.transit = transit
        elif transit - stream.transit > BUFFER_S:
            stream.late += 1
            self.discarded += 1
            if stream.late >= _REBASE:
                stream.transit, stream.late = transit, 0
            return
        else:
            stream.transit += 2e-6  # 100 ppm at 50 packets a second: their clock is not ours
        stream.late = 0

    def _gap(self, begin: float, end: float) -> None:
        if len(self.gaps) < MOST_GAPS:
            self.gaps.append(Gap(at=begin, length_s=end - begin))

    def _new_stream(self, packet: RtpPacket, at: float, *, again: bool = False) -> _Stream:
        """Begin with a source, or return to one that spoke before."""
        old = self._stream
        known = None if again else next((s for s in self._streams if s.ssrc == packet.ssrc), None)
        if old is not None and not again:
            self._changed("ssrc", _hex(old.ssrc), _hex(packet.ssrc), at)
        if known is None:
            base = old.highest // _SEQUENCES + 2 if old is not None else 1
            known = _Stream(packet, at, base * _SEQUENCES)
            self._streams.append(known)
        self._stream = known
        return known

    def _moved(self, address: str, at: float) -> None:
        if self._address:
            self._changed("address", self._address, address, at)
        else:
            self.source = address
        self._address = address

    def _changed(self, what: str, before: str, after: str, at: float) -> None:
        if len(self.changes) < MOST_CHANGES:
            self.changes.append(SourceChange(at=at, what=what, before=before, after=after))

    # When packets are due -----------------------------------------------------------------------

    def due(self, at: float) -> None:
        """Packets are due from now on: the direction lets them come."""
        if self._since is not None or self.first_at is None:
            return
        self._since = at
        if self._stream is not None:  # many clocks stand still on hold: what follows begins anew
            self._stream.last = self._stream.transit = None

    def not_due(self, at: float) -> None:
        """No packet is due any more: hold, or the end."""
        if self._since is not None and not self._silent and at - self._since > self._patience:
            self._gap(self._since, at)
        self._since = None

    # Figures ------------------------------------------------------------------------------------

    @property
    def ssrc(self) -> int | None:
        """SSRC of the stream in hand, or None."""
        return None if self._stream is None else self._stream.ssrc

    @property
    def first_ssrc(self) -> str:
        """SSRC of the first packet as 0x…, or empty."""
        return _hex(self._streams[0].ssrc) if self._streams else ""

    @property
    def expected(self) -> int:
        """Packets between the lowest and the highest number of each source."""
        return sum(stream.expected for stream in self._streams)

    @property
    def lost(self) -> int:
        """Packets that never came (RFC 3550 appendix A.3, copies not counted)."""
        return sum(max(stream.expected - stream.received, 0) for stream in self._streams)

    @property
    def highest(self) -> int:
        """Extended highest sequence number of the stream in hand, 32 bits."""
        return (self._stream.highest - _SEQUENCES) % (1 << 32) if self._stream else 0

    @property
    def jitter(self) -> float:
        """Jitter of the stream in hand now, in seconds."""
        return self._stream.jitter if self._stream else 0.0

    @property
    def jitter_mean(self) -> float:
        """Mean of the jitter over all packets, in seconds."""
        return self._jitter_sum / self._jitters if self._jitters else 0.0

    @property
    def ptime(self) -> float | None:
        """Most frequent packet time in seconds, or None."""
        return self._step

    @property
    def types(self) -> tuple[PayloadType, ...]:
        """What came, by payload type, most frequent first."""
        return tuple(
            PayloadType(number=number, packets=count, codec=self._names[number])
            for number, count in self._types.most_common()
        )

    @property
    def slices(self) -> tuple[MediaSlice, ...]:
        """The stream in stretches of time."""
        return self._slices.all()


def _hex(ssrc: int) -> str:
    return f"0x{ssrc:08x}"
