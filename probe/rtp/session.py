"""One call's RTP and RTCP: counts what comes, says what is to be sent (RFC 3550).

A session is made before its call is offered, because the offer names its port. What it sends
leaves from the process that keeps the time (``probe.rtp.stream``), told what to do by orders
through the ``Metronome``; the figures of that come back in shared memory. Reports of RTCP leave
from here: they need what was received, and their moment is random anyway (§6.3.1).
"""

from __future__ import annotations

import mmap
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from probe.rtp.figures import figures
from probe.rtp.orders import Answered, Begin, End, Follow, Play, Task, Tell
from probe.rtp.packet import is_rtcp, parse_rtp
from probe.rtp.ports import SO_RXQ_OVFL, SO_TIMESTAMPNS, Pair
from probe.rtp.reception import UNKNOWN, Known, Reception
from probe.rtp.reports import Reports
from probe.rtp.silence import Silence
from probe.rtp.sound import Packet, Sink, Source
from probe.rtp.srtp import Guard, UnusableKeyError
from probe.rtp.transmission import PLACE, Transmission, refused, stored
from probe.sip import chance

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.rtp.metronome import Metronome
    from probe.rtp.negotiation import Terms
    from probe.trace.media import Agreed, MediaReport

_LARGEST = 4096
_ANCILLARY = 256
_MOST_AT_ONCE = 4096
"""Datagrams that are read in one look; more than the kernel keeps."""

_ERRORS = 1024
_TRIES = 3
_UNDISTURBED_S = 0.0001
"""Two clocks that are read one after the other belong to one moment if no more went by."""

_TIMESPEC = struct.Struct("@qq")
_MSG_ERRQUEUE = 0x2000


class Session:
    """Sockets and figures of one call."""

    def __init__(
        self,
        host: str,
        *,
        clock: Callable[[], float],
        source: Source | None = None,
        sink: Sink | None = None,
    ) -> None:
        """Bind a pair of ports; raise OSError where none is free.

        ``clock`` gives seconds on the trace's clock, from the monotonic one.
        """
        self._clock = clock
        self._pair = Pair(host)
        self.port = self._pair.port
        "The RTP port; RTCP has the next one."
        self.rtp, self.rtcp = self._pair.rtp, self._pair.rtcp
        self.ssrc = chance.bits(32)
        "Ours, as the session description says it where it does."
        self.cname = chance.token(8)
        self.sink = sink
        self.reception = Reception()
        self.reports = Reports()
        self.history: list[Agreed] = []
        self.terms: Terms | None = None
        self.undecodable = 0
        self.malformed = 0
        self.unreachable = 0
        self.overflow = 0
        self.ended_at: float | None = None
        self.kept: list[Any] = []
        "What the source kept of what it gave; whole when the session has been removed."
        self.closed = False
        "Whether the ports are given back."
        self.waits = False
        "Whether the last figures are still to come."
        self._metronome: Metronome | None = None
        self._call = 0
        self._memory: mmap.mmap | None = None
        self._place = 0
        self._sent: Transmission | None = None
        self._source: Source = source or Silence()
        self._answered = False
        self._dropped: dict[int, int] = {}
        self._refused = 0
        self._guard: Guard | None = None
        self._broken_keys = False
        self._fault = ""
        self._report_due: float | None = None
        self._peer: tuple[object, ...] = ()
        self._address = ""

    # What the call does -----------------------------------------------------------------------

    @property
    def source(self) -> Source:
        """What is sent from the answer on; it is copied where it is sent from."""
        return self._source

    @source.setter
    def source(self, source: Source) -> None:
        self._source = source
        if self._sends:
            self._order(Play(self._call, source))

    @property
    def answered(self) -> bool:
        """Whether the source may be heard; silence before."""
        return self._answered

    @answered.setter
    def answered(self, answered: bool) -> None:
        changed, self._answered = answered and not self._answered, answered
        if changed and self._sends:
            self._order(Answered(self._call))

    def tell(self, words: object) -> None:
        """Tell the source something, where it is sent from."""
        if self._sends:
            self._order(Tell(self._call, words))

    def apply(self, terms: Terms) -> None:
        """Follow an agreement from now on."""
        if self.ended_at is not None:
            return
        before = self.terms
        if before is not None:
            self.look()  # what has come until now came under the one before
        self.terms = terms
        self.history.append(terms.agreed)
        now = self._clock()
        if terms.keys is None:
            self._guard = None
        elif before is None or before.keys != terms.keys:
            try:
                self._guard = Guard(terms.keys)
            except UnusableKeyError:
                self._broken_keys = True
        if terms.receives:
            self.reception.due(now)
        else:
            self.reception.not_due(now)
        if terms.control is None or terms.unmeasured or self._broken_keys:
            self._report_due = None
        elif self._report_due is None:
            self._report_due = now + 1.03  # the least that §6.2 and §6.3.1 give for the first
        if self._sends:
            self._order(Follow(self._call, self._task(terms)))

    def end(self, at: float) -> None:
        """Stop sending and listening: a BYE was sent or came (RFC 3261 §15.1.1)."""
        if self.ended_at is not None:
            return
        if self._sends:
            self._order(End(self._call))
        if self.terms is not None:
            self._read_both()
        # Who never sent a packet says no goodbye (RFC 3550 §6.3.7).
        if self._report_due is not None and (self.reports.sent or self.sent.packets):
            self._send_report(self._clock(), bye=True)
        self.ended_at = at
        self.reception.not_due(at)
        self._report_due = None

    def close(self) -> None:
        """Say goodbye to the peer and give the ports back."""
        if self.closed:
            return
        self.end(self._clock())
        if self.terms is not None:
            self._read_both()  # the last report of the peer
        self.closed = True
        self._pair.close()

    def report(self, call_id: str) -> MediaReport | None:
        """Return what was counted; None where nothing was ever agreed. It must be removed."""
        if not self.history:
            return None
        report = figures(self, call_id)
        return self.sink.finish(report) if self.sink is not None else report

    # The clock --------------------------------------------------------------------------------

    def run(self, metronome: Metronome, call: int, memory: mmap.mmap, place: int) -> None:
        """Be sent for from now on; ``place`` is that of the figures in the memory."""
        terms = self.terms
        if terms is None:
            raise ValueError("nothing was agreed yet")
        self._metronome, self._call, self._memory, self._place = metronome, call, memory, place
        memory[place * PLACE : (place + 1) * PLACE] = bytes(PLACE)
        self.waits = True
        task = self._task(terms)
        self._order(Begin(call, place, self.ssrc, self._answered, self._source, task), self.rtp)

    def look(self) -> None:
        """Read what has come, and report where it is time to."""
        if self.closed or self.terms is None:
            return
        self._read_both()
        if self._report_due is not None:
            now = self._clock()
            if self._report_due <= now:
                self._send_report(now)
                self._report_due = now + 5.0 * (0.5 + chance.bits(32) / 2**32) / 1.21828  # §6.3.1

    def ended(self, fault: str) -> int:
        """Take the last figures; return the place that is free now."""
        self._sent = self.sent
        self._fault = self._fault or fault
        self.waits, self._memory = False, None
        return self._place

    def lost(self, why: str) -> None:
        """Note that nothing is sent any more, and why."""
        if self._memory is not None:
            self.ended(why)
        else:
            self._fault = self._fault or why

    @property
    def sent(self) -> Transmission:
        """What was sent until now."""
        if self._memory is None:
            return self._sent or Transmission()
        return stored(self._memory, self._place)

    def moment(self, monotonic: float) -> float | None:
        """Return a moment of the figures on the trace's clock, None where there was none."""
        return monotonic - (time.monotonic() - self._clock()) if monotonic else None

    @property
    def unmeasured(self) -> str:
        """Why packets could not be read, or empty."""
        if self._broken_keys:
            return "SRTP with a key that is none"
        if self._fault:
            return self._fault
        return self.terms.unmeasured if self.terms is not None else ""

    @property
    def _sends(self) -> bool:
        """Whether the clock's process sends for this call."""
        return self._memory is not None and self.ended_at is None

    def _task(self, terms: Terms) -> Task:
        readable = not terms.unmeasured and not self._broken_keys
        keys = terms.keys if readable else None
        sends = terms.sends and readable
        return Task(terms.agreed, terms.address, terms.comfort_noise, keys, sends)

    def _order(
        self,
        message: Begin | Follow | Answered | Play | Tell | End,
        carried: socket.socket | None = None,
    ) -> None:
        if self._metronome is not None:
            self._metronome.order(message, carried)

    # Sending reports ---------------------------------------------------------------------------

    def _send_report(self, now: float, *, bye: bool = False) -> None:
        terms = self.terms
        if terms is None or terms.control is None:
            return
        sent, rate = self.sent, terms.agreed.clock_rate
        rtp_now = sent.timestamp - round((sent.due - time.monotonic()) * rate) if sent.due else 0
        data: bytes | None = self.reports.build(
            self.ssrc,
            self.cname,
            self.reception,
            sent,
            rtp_now=rtp_now % (1 << 32),
            rate=rate,
            wall=time.time(),
            now=now,
            bye=bye,
        )
        if self._guard is not None and data is not None:
            data = self._guard.protect(data, control=True)
        if data is not None and self._hand_over(data, terms.control):
            self.reports.sent += 1

    def _hand_over(self, data: bytes, to: tuple[str, int]) -> bool:
        """Give a report to the kernel; an ICMP error of an earlier one stops only one try."""
        for _ in range(_TRIES):
            try:
                self.rtcp.sendto(data, to)
            except BlockingIOError:
                return False
            except OSError:
                if not self._errors(self.rtcp):
                    return False
            else:
                return True
        return False

    # Receiving ---------------------------------------------------------------------------------

    def _read_both(self) -> None:
        self._read(self.rtp)
        self._read(self.rtcp)
        if self._memory is not None:
            told = refused(self._memory, self._place)
            if told != self._refused:  # the process that sends was told, and left them to us
                self._refused = told
                self._errors(self.rtp)

    def _read(self, one: socket.socket) -> None:
        """Take what has come at one of the two sockets."""
        wall, ends = self._wall(), self.ended_at
        take, of_control, mixed = one.recvmsg, one is self.rtcp, self._same_port()
        for _ in range(_MOST_AT_ONCE):
            try:
                data, ancillary, _, peer = take(_LARGEST, _ANCILLARY)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error is told here once, and waits in the error queue
                self._errors(one)
                continue
            at = self._arrival(one, ancillary, wall)
            if of_control or (mixed and is_rtcp(data)):
                self._control(data, at, wall)
            elif ends is None or at <= ends:
                if peer != self._peer:
                    self._peer, self._address = peer, _address(peer)
                self._packet(data, at)

    def _wall(self) -> float:
        """Return the time of day at the beginning of the trace's clock, in seconds since 1970."""
        for _ in range(_TRIES):
            before, now, after = self._clock(), time.time(), self._clock()
            if after - before < _UNDISTURBED_S:
                break
        return now - (before + after) / 2

    def _arrival(
        self, one: socket.socket, ancillary: list[tuple[int, int, bytes]], wall: float
    ) -> float:
        """Return when the kernel took a datagram, on the trace's clock; count what it dropped."""
        at = None
        for level, kind, held in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == SO_TIMESTAMPNS and len(held) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(held)
                at = seconds - wall + nanoseconds / 1e9
            elif kind == SO_RXQ_OVFL:
                dropped = int.from_bytes(held[:4], "little")
                self.overflow += dropped - self._dropped.get(one.fileno(), 0)
                self._dropped[one.fileno()] = dropped
        return self._clock() if at is None else at

    def _packet(self, data: bytes, at: float) -> None:
        """Count one datagram of the RTP port and hand its payload on."""
        terms = self.terms
        if terms is not None and terms.unmeasured:
            self.undecodable += 1
            return
        if self._guard is not None:
            if self.reception.copied(data):  # libsrtp would only say that it was not authentic
                return
            clear = self._guard.unprotect(data)
            if clear is None:
                self.undecodable += 1
                return
            data = clear
        packet = parse_rtp(data)
        if packet is None:
            self.malformed += 1
            return
        place = self.reception.take(packet, at, self._address, self._known)
        if place is None or self.sink is None:
            return
        known = self._known(packet.payload_type)
        if not self.sink.wants(known.kind):
            return
        self.sink.packet(
            Packet(
                at,
                known.kind,
                packet.payload_type,
                known.codec,
                known.clock_rate,
                place,
                packet.timestamp,
                packet.marker,
                packet.ssrc,
                packet.payload,
            )
        )

    def _known(self, number: int) -> Known:
        return UNKNOWN if self.terms is None else self.terms.types.get(number, UNKNOWN)

    def _control(self, data: bytes, at: float, wall: float) -> None:
        if self._guard is not None:
            clear = self._guard.unprotect(data, control=True)
            if clear is None:
                return
            data = clear
        rate = 8000 if self.terms is None else self.terms.agreed.clock_rate
        packets = self._sent_until(at)
        self.reports.take(data, self.ssrc, at=at, wall=wall + at, rate=rate, sent=packets)

    def _sent_until(self, at: float) -> int:
        """Return about how many packets of ours had left at a moment that is past by a little."""
        packets, terms = self.sent.packets, self.terms
        if terms is None or not packets or self.ended_at is not None:
            return packets
        return max(packets - round(max(self._clock() - at, 0.0) / terms.agreed.ptime_s), 0)

    def _same_port(self) -> bool:
        """Whether RTCP may come at the RTP port: their description says so (RFC 5761)."""
        terms = self.terms
        return terms is not None and terms.control is not None and terms.control == terms.address

    def _errors(self, one: socket.socket) -> bool:
        """Count and forget the ICMP errors of a socket; False where there is none."""
        found = False
        for _ in range(_ERRORS):
            try:
                one.recvmsg(_LARGEST, _ANCILLARY, _MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            self.unreachable += self.ended_at is None
        return found


def _address(peer: tuple[object, ...]) -> str:
    host, port = str(peer[0]), peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
