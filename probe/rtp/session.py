"""One call's RTP and RTCP: sends with a steady clock, counts what comes (RFC 3550).

A session is made before its call is offered, because the offer names its port. It belongs to two
threads. The worker's thread makes it, gives it what offer and answer agree on, and asks for its
report at the end; the thread of ``Metronome`` alone touches sockets and figures in between. What
goes from one to the other goes through ``_orders``.
"""

import os
import random
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

from probe.rtp.figures import figures
from probe.rtp.negotiation import Terms
from probe.rtp.packet import RtpPacket, build_rtp, is_rtcp, parse_rtp
from probe.rtp.ports import SO_RXQ_OVFL, SO_TIMESTAMPNS, Pair
from probe.rtp.reception import UNKNOWN, Known, Reception
from probe.rtp.reports import Reports
from probe.rtp.silence import Silence
from probe.rtp.sound import Frame, Kind, Packet, Sink, Source
from probe.rtp.srtp import Guard, UnusableKeyError
from probe.rtp.transmission import Transmission
from probe.trace.media import TIMELY_S, Agreed, MediaReport

_LARGEST = 4096
_ANCILLARY = 256
_BURST = 64
_MOST_BEHIND = 10
"""Packets that are sent at once after a standstill; the rest is left out."""

_TIMESPEC = struct.Struct("@qq")
_MSG_ERRQUEUE = 0x2000


class Session:
    """Sockets, figures and clock of one call."""

    def __init__(
        self,
        host: str,
        *,
        clock: Callable[[], float],
        source: Source | None = None,
        sink: Sink | None = None,
    ) -> None:
        """Bind a pair of ports; raise OSError where none is free.

        ``clock`` gives seconds on the trace's clock, from a monotonic one.
        """
        self._clock = clock
        self._pair = Pair(host)
        self.port = self._pair.port
        "The RTP port; RTCP has the next one."
        self.rtp, self.rtcp = self._pair.rtp, self._pair.rtcp
        self.ssrc = secrets.randbits(32)
        "Ours, as the session description says it where it does."
        self.cname = secrets.token_hex(8)
        self.source: Source = source or Silence()
        self.sink = sink
        self.answered = False
        "Whether the source may be heard; silence before."
        self.reception = Reception()
        self.sent = Transmission()
        self.reports = Reports()
        self.history: list[Agreed] = []
        self.terms: Terms | None = None
        self.undecodable = 0
        self.malformed = 0
        self.unreachable = 0
        self.overflow = 0
        self.ended_at: float | None = None
        self._dropped: dict[int, int] = {}
        self._silence = Silence()
        self._orders: deque[Callable[[], None]] = deque()
        self._guard: Guard | None = None
        self._broken_keys = False
        self._fault = ""
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._resume = True
        self._due: float | None = None
        self._stopped: float | None = None
        self._report_due: float | None = None
        self._remote = ""

    # From the worker's thread -----------------------------------------------------------------

    def apply(self, terms: Terms) -> None:
        """Follow an agreement from now on."""
        self._orders.append(lambda: self._apply(terms))

    def end(self, at: float) -> None:
        """Stop sending and listening: a BYE was sent or came (RFC 3261 §15.1.1)."""
        self._orders.append(lambda: self._end(at))

    def report(self, call_id: str) -> MediaReport | None:
        """Return what was counted; None where nothing was ever agreed. The clock must be done."""
        if not self.history:
            return None
        report = figures(self, call_id)
        return self.sink.finish(report) if self.sink is not None else report

    # From the clock's thread ------------------------------------------------------------------

    def obey(self) -> None:
        """Carry out what the worker's thread asked for."""
        while self._orders:
            self._orders.popleft()()

    def broke(self, error: Exception) -> None:
        """Go on without packets: an error of ours may not end the other calls."""
        self._fault = f"an error of our own: {type(error).__name__}"
        self._due = self._report_due = None

    @property
    def due(self) -> float | None:
        """When this session wants to be called next, on the trace's clock; None: not at all."""
        times = [t for t in (self._due, self._report_due) if t is not None]
        return min(times) if times else None

    def tick(self, now: float) -> None:
        """Send what is due."""
        if self._due is not None and self._due <= now:
            self._send_due(now)
        if self._report_due is not None and self._report_due <= now:
            self._send_report(now)
            self._report_due = now + 5.0 * random.uniform(0.5, 1.5) / 1.21828  # noqa: S311 - §6.3.1

    def read(self, one: socket.socket) -> None:
        """Take what has come at one of the two sockets."""
        wall = time.time() - self._clock()
        for _ in range(_BURST):
            try:
                data, ancillary, _, peer = one.recvmsg(_LARGEST, _ANCILLARY)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error is told here once, and waits in the error queue
                self._errors(one)
                continue
            at = self._arrival(one, ancillary, wall)
            if one is self.rtcp or (is_rtcp(data) and self._same_port()):
                self._control(data, at, wall)
            elif self.ended_at is None:
                self._packet(data, at, _address(peer))

    def close(self) -> None:
        """Say goodbye to the peer and give the ports back."""
        self.obey()
        if self.ended_at is None:
            self._end(self._clock())
        self._pair.close()

    # Agreements --------------------------------------------------------------------------------

    def _apply(self, terms: Terms) -> None:
        if self.ended_at is not None:
            return
        before, self.terms = self.terms, terms
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
        readable = not terms.unmeasured and not self._broken_keys
        self._go_on(terms, now, sends=terms.sends and readable)
        if terms.control is None or not readable:
            self._report_due = None
        elif self._report_due is None:
            self._report_due = now + 1.03  # the least that §6.2 and §6.3.1 give for the first

    def _go_on(self, terms: Terms, now: float, *, sends: bool) -> None:
        """Begin or stop sending, as the direction says."""
        if sends and self._due is None:
            if self._stopped is not None:  # timestamps count time, also that of a hold
                self._timestamp += round((now - self._stopped) * terms.agreed.clock_rate)
            self._due, self._resume = now, True
        elif not sends and self._due is not None:
            self._stopped, self._due = self._due, None

    @property
    def unmeasured(self) -> str:
        """Why packets could not be read, or empty."""
        if self._broken_keys:
            return "SRTP with a key that is none"
        if self._fault:
            return self._fault
        return self.terms.unmeasured if self.terms is not None else ""

    def _end(self, at: float) -> None:
        if self.ended_at is not None:
            return
        self.ended_at = at
        self.reception.not_due(at)
        if self._report_due is not None:
            self._send_report(self._clock(), bye=True)
        self._due = self._report_due = None

    # Sending -----------------------------------------------------------------------------------

    def _send_due(self, now: float) -> None:
        """Send each packet whose time has come; after a long standstill leave some out."""
        terms = self.terms
        assert terms is not None and self._due is not None  # noqa: PT018, S101 - _apply sees to it
        ptime = terms.agreed.ptime_s
        samples = round(terms.agreed.clock_rate * ptime)
        behind = int((now - self._due) / ptime)
        if behind > _MOST_BEHIND:
            left_out = behind - _MOST_BEHIND
            self.sent.left_out(left_out, now - self._due)
            self._timestamp += left_out * samples
            self._due += left_out * ptime
        while self._due <= now:
            self.sent.kept_time(now - self._due, TIMELY_S)
            speaks = self.source if self.answered else self._silence
            frame = speaks.frame(terms.agreed)
            if frame is not None:
                self._send(frame, terms, now)
            else:
                self._resume = True
            self._timestamp += samples
            self._due += ptime

    def _send(self, frame: Frame, terms: Terms, now: float) -> None:
        numbers = {
            Kind.AUDIO: terms.agreed.payload_type,
            Kind.EVENT: terms.agreed.events,
            Kind.COMFORT_NOISE: terms.comfort_noise,
            Kind.OTHER: None,
        }
        number = numbers[frame.kind]
        if number is None or terms.address is None:
            return
        marker = frame.marker or (self._resume and frame.kind is Kind.AUDIO)
        self._resume = False
        self._sequence = (self._sequence + 1) % (1 << 16)
        timestamp = (self._timestamp - frame.back) % (1 << 32)
        packet: bytes | None = build_rtp(
            RtpPacket(number, marker, self._sequence, timestamp, self.ssrc, frame.payload)
        )
        if self._guard is not None and packet is not None:
            packet = self._guard.protect(packet)
        if packet is not None and self._hand_over(self.rtp, packet, terms.address):
            self.sent.packet(len(frame.payload), now, timestamp)
        else:
            self.sent.errors += 1

    def _hand_over(self, one: socket.socket, data: bytes, to: tuple[str, int]) -> bool:
        """Give a datagram to the kernel; an ICMP error of an earlier one stops only one try."""
        for _ in range(3):
            try:
                one.sendto(data, to)
            except BlockingIOError:
                return False
            except OSError:
                if not self._errors(one):
                    return False
            else:
                return True
        return False

    def _send_report(self, now: float, *, bye: bool = False) -> None:
        terms = self.terms
        if terms is None or terms.control is None:
            return
        rate = terms.agreed.clock_rate
        rtp_now = self._timestamp
        if self._due is not None:
            rtp_now -= round((self._due - now) * rate)
        data: bytes | None = self.reports.build(
            self.ssrc,
            self.cname,
            self.reception,
            self.sent,
            rtp_now=rtp_now % (1 << 32),
            rate=rate,
            wall=time.time(),
            now=now,
            bye=bye,
        )
        if self._guard is not None and data is not None:
            data = self._guard.protect(data, control=True)
        if data is not None and self._hand_over(self.rtcp, data, terms.control):
            self.reports.sent += 1

    # Receiving ---------------------------------------------------------------------------------

    def _packet(self, data: bytes, at: float, address: str) -> None:
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
        place = self.reception.take(packet, at, address, self._known)
        if place is None or self.sink is None:
            return
        known = self._known(packet.payload_type)
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
        self.reports.take(data, self.ssrc, at=at, wall=wall + at, rate=rate, sent=self.sent.packets)

    def _same_port(self) -> bool:
        """Whether RTCP may come at the RTP port: their description says so (RFC 5761)."""
        terms = self.terms
        return terms is not None and terms.control is not None and terms.control == terms.address

    def _arrival(
        self, one: socket.socket, ancillary: list[tuple[int, int, bytes]], wall: float
    ) -> float:
        """Return when the kernel took a datagram, on the trace's clock; count what it dropped."""
        at = self._clock()
        for level, kind, held in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == SO_TIMESTAMPNS and len(held) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(held)
                at = seconds + nanoseconds / 1e9 - wall
            elif kind == SO_RXQ_OVFL:
                dropped = int.from_bytes(held[:4], "little")
                self.overflow += dropped - self._dropped.get(one.fileno(), 0)
                self._dropped[one.fileno()] = dropped
        return at

    def _errors(self, one: socket.socket) -> bool:
        """Count and forget the ICMP errors of a socket; False where there is none."""
        found = False
        for _ in range(_BURST):
            try:
                one.recvmsg(_LARGEST, _ANCILLARY, _MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            self.unreachable += self.ended_at is None
        return found

    def clear_errors(self, one: socket.socket) -> None:
        """Empty a socket's error queue, and the error that the kernel keeps beside it."""
        if not self._errors(one):
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.unreachable += code != 0 and os.strerror(code) != "" and self.ended_at is None


def _address(peer: tuple[object, ...]) -> str:
    host, port = str(peer[0]), peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
