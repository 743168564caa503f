"""RTP and RTCP on loopback for one call, as its `Sound` says (RFC 3550)."""

import asyncio
import contextlib
import ipaddress
import os
import secrets
import socket
import struct
import time
from collections.abc import Callable

from msgspec import Struct

from probe.simulator import rtcp
from probe.simulator.clock import Cancellable, Scheduler
from probe.simulator.g711 import RATE
from probe.simulator.pieces import Piece, Pieces, pieces
from probe.simulator.records import Address
from probe.simulator.sound import AGREED, Sound, Source
from probe.simulator.way import Passage

_HEADER = 12
_VERSION = 2
_MAX_PACKET = 2048
_NUMBERS = struct.Struct("!HII")
"""Sequence number, timestamp and SSRC of an RTP header; they follow its first two bytes."""

_DIGITS = "0123456789*#ABCD"  # RFC 4733 §3.2
_PAIR_TRIES = 32
_AUTHENTICATION = 10  # bytes that SRTP adds (RFC 3711 §5.2)
_REPEATED = (Source.ECHO, Source.NOTHING)
"""What has no clock of its own."""


class Stream(Struct, frozen=True, kw_only=True):
    """What offer and answer agreed on, as the trunk sees it."""

    payload: int
    "Payload type of the codec."

    codec: str
    "PCMU or PCMA."

    events: int | None
    "Payload type of telephone-event; None where it was not agreed."

    to: Address
    "Where the caller says it receives RTP; never trusted beyond loopback."

    control: Address
    "The same for RTCP."

    sends: bool
    "Whether the trunk may send: not while the caller holds the call."


class RtpPort:
    """An RTP socket with its RTCP neighbour; only ever talks to loopback."""

    def __init__(self, host: str, scheduler: Scheduler, sound: Sound) -> None:
        """Bind; raise OSError where no pair of ports is free."""
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._scheduler = scheduler
        self._sound = sound
        self._rtp, self._rtcp = _bind_pair(host)
        self.port = int(self._rtp.getsockname()[1])
        "The RTP port; RTCP has the next one (RFC 3550 §11)."
        self._aside = _bind_pair(host) if sound.other_port else None
        self.packets = 0
        "RTP packets heard."
        self.sent = 0
        "RTP packets sent, those included that are lost on their way."
        self.rtcp_packets = 0
        "RTCP packets received."
        self.on_silence: Callable[[], None] = lambda: None
        "Called once, where the caller has sent nothing for as long as the trunk waits for it."
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._sent_at: float | None = None
        self._shift: int | None = None
        self._of_source, self._octets = 0, 0
        self._stream: Stream | None = None
        self._source = Source.NOTHING
        self._playing: Cancellable | None = None
        self._answered_at: float | None = None
        self._timers: list[Cancellable] = []
        self._reporting: Cancellable | None = None
        self._waiting: Cancellable | None = None
        self._heard: rtcp.Heard | None = None
        self._control: Address | None = None
        self._events: Callable[[str], None] | None = None
        self._last_event = -1
        self._closed = False
        self._way = Passage(sound.way, scheduler, self._out)
        self._to: Address | None = None
        self._listen(self._rtp, self._rtcp)

    def close(self) -> None:
        """Say goodbye by RTCP and close the sockets, once."""
        if self._closed:
            return
        self._report(over=True)
        self._closed = True
        self._way.close()
        for handle in (*self._timers, self._playing, self._reporting, self._waiting):
            if handle is not None:
                handle.cancel()
        self._unlisten(self._rtp, self._rtcp)
        for sock in self._aside or ():
            sock.close()

    def agree(self, stream: Stream) -> None:
        """Take what offer and answer agreed on, first or anew."""
        self._stream = stream
        self._to = stream.to if _usable(stream.to) else None
        self._control = stream.control if _usable(stream.control) else None
        if self._source not in _REPEATED:
            self._play(self._source)

    def ring(self) -> None:
        """Begin with the sound before the answer; it was announced."""
        early = self._sound.early
        wanted = self._sound.source if early is None else early
        if wanted is not self._source:
            self._play(wanted)

    def answered(self) -> None:
        """Begin with the sound of the call."""
        if self._answered_at is not None:
            return
        sound = self._sound
        self._answered_at = self._scheduler.time()
        if sound.begins_after:
            self._play(Source.NOTHING)
        changes: tuple[tuple[float | None, Callable[[], None]], ...] = (
            (sound.begins_after, lambda: self._play(sound.source)),
            (sound.ends_after, lambda: self._play(Source.NOTHING)),
            (sound.new_port_after, self._move),
            (sound.new_ssrc_after, self._renew),
        )
        for after, act in changes:
            if after == 0:
                act()
            elif after is not None:
                self._timers.append(self._scheduler.call_later(after, act))
        self._wait()

    def hear_events(self, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with each digit that comes as an event, once, when its key is released."""
        self._events = heard

    # Sending ------------------------------------------------------------------------------------

    def _play(self, source: Source) -> None:
        """Change to another source; one that makes its own sound begins at once."""
        if source is not self._source:
            self._shift = None
        self._source = source
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None
        stream = self._stream
        if stream is None or source in _REPEATED or not stream.sends:
            return
        made = pieces(source, self._sound, stream.codec, stream.events)
        self._next(made, 0, self._scheduler.time(), self._media_time())

    def _media_time(self) -> int:
        """Return the RTP time of now: it goes on by the clock where another sound begins."""
        if self._sent_at is None:
            return self._timestamp
        passed = round((self._scheduler.time() - self._sent_at) * RATE)
        return (self._timestamp + passed) % 2**32

    def _next(self, made: Pieces, number: int, begun: float, base: int) -> None:
        """Send piece after piece by a clock that does not drift."""
        due = begun + (number + 1) * self._sound.packet_s
        self._playing = self._scheduler.call_later(
            max(0.0, due - self._scheduler.time()),
            lambda: self._next(made, number + 1, begun, base),
        )
        for piece in made(number):
            self._send_piece(piece, base)

    def _send_piece(self, piece: Piece, base: int) -> None:
        stream = self._stream
        if stream is None or self._to is None:
            return
        own = stream.payload if self._sound.payload == AGREED else self._sound.payload
        kind = own if piece.payload is None else piece.payload
        timestamp = (base + piece.at) % 2**32
        self._send(bytes((_VERSION << 6, piece.marker << 7 | kind)), timestamp, piece.data)

    def _send(self, head: bytes, timestamp: int, rest: bytes) -> None:
        self._sequence = (self._sequence + 1) % 2**16
        self._timestamp, self._sent_at = timestamp, self._scheduler.time()
        self.sent += 1
        self._of_source += 1
        self._octets += len(rest)
        if self._sound.encrypted:
            rest = os.urandom(len(rest) + _AUTHENTICATION)
        packet = head + _NUMBERS.pack(self._sequence, timestamp, self._ssrc) + rest
        if self._way.plain:
            self._out(packet)
        else:
            self._way.take(packet)
        if self._reporting is None:
            self._report_soon()

    def _out(self, packet: bytes) -> None:
        sock = self._aside[0] if self._aside else self._rtp
        if self._to is not None:
            try:  # noqa: SIM105 - each packet comes by here, and suppress costs as much as sending
                sock.sendto(packet, self._to)
            except OSError:
                pass  # a full buffer is packet loss

    # Hearing ------------------------------------------------------------------------------------

    @property
    def _deaf(self) -> bool:
        limit = self._sound.hears_for
        if limit is None:
            return False
        begun = self._answered_at
        return limit == 0 or (begun is not None and self._scheduler.time() - begun >= limit)

    def _read_rtp(self) -> None:
        """Take one packet: mostly there is one, and the loop calls again where there are more."""
        try:
            packet, peer = self._rtp.recvfrom(_MAX_PACKET)
        except OSError:
            return
        if len(packet) < _HEADER or packet[0] >> 6 != _VERSION or self._deaf:
            return
        if self._way.plain:
            self._hear(packet, peer[:2])
        else:
            self._way.later(lambda: self._hear(packet, peer[:2]))

    def _hear(self, packet: bytes, peer: Address) -> None:
        """Take a packet of the caller's, which is also where it is to be answered (latching)."""
        self.packets += 1
        if self._sound.gives_up_after is not None:
            self._wait()
        sequence, timestamp, ssrc = _NUMBERS.unpack_from(packet, 2)
        if self._heard is None or self._heard.ssrc != ssrc:
            self._heard = rtcp.Heard(ssrc, sequence)
        self._heard.packet(sequence, timestamp, self._scheduler.time())
        if self._reporting is None:
            self._report_soon()
        stream = self._stream
        if stream is not None and stream.events is not None and packet[1] & 0x7F == stream.events:
            self._event(packet)
        if self._source is Source.ECHO and (stream is None or stream.sends):
            if peer != self._to and _usable(peer):
                self._to = peer
            if self._sound.late_by or not self._way.plain:
                self._way.later(lambda: self._echo(packet), self._sound.late_by)
            else:
                self._echo(packet)

    def _echo(self, packet: bytes) -> None:
        """Send a packet back under our own number and source.

        Its first two bytes go back as they came: CSRC count, extension, marker and payload type
        describe the rest of the packet, which is copied too. So does its time, unless another sound
        was sent before.
        """
        (timestamp,) = struct.unpack_from("!I", packet, 4)
        if self._shift is None:
            self._shift = 0 if self._sent_at is None else self._media_time() - timestamp
        self._send(packet[:2], (timestamp + self._shift) % 2**32, packet[_HEADER:])

    def _event(self, packet: bytes) -> None:
        """Read a telephone-event; its last packets all say the same (RFC 4733 §2.5.1.4)."""
        (timestamp,) = struct.unpack_from("!I", packet, 4)
        ended = len(packet) >= _HEADER + 4 and packet[_HEADER + 1] & 0x80
        if self._events is not None and ended and timestamp != self._last_event:
            self._last_event = timestamp
            if packet[_HEADER] < len(_DIGITS):
                self._events(_DIGITS[packet[_HEADER]])

    def _wait(self) -> None:
        """Wait anew for a packet of the caller's, where the trunk gives up without one."""
        after = self._sound.gives_up_after
        if after is not None and self._answered_at is not None:
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = self._scheduler.call_later(after, self._give_up)

    def _give_up(self) -> None:
        self.on_silence()

    # RTCP ---------------------------------------------------------------------------------------

    def _read_rtcp(self) -> None:
        """Take one packet; the loop calls again where there are more."""
        try:
            packet, peer = self._rtcp.recvfrom(_MAX_PACKET)
        except OSError:
            return
        self.rtcp_packets += 1
        if not self._deaf:
            self._way.later(lambda: self._reported(packet, peer[:2]))

    def _reported(self, packet: bytes, peer: Address) -> None:
        """Take a report of the caller's."""
        if _usable(peer):
            self._control = peer
        found = rtcp.sender_time(packet)
        if found is not None and self._heard is not None and self._heard.ssrc == found[0]:
            self._heard.last_report = found[1]
            self._heard.last_report_at = self._scheduler.time()

    def _report_soon(self) -> None:
        if self._reporting is None and self._sound.rtcp:
            self._reporting = self._scheduler.call_later(rtcp.EVERY_S, self._again)

    def _again(self) -> None:
        self._reporting = self._scheduler.call_later(rtcp.EVERY_S, self._again)
        self._report()

    def _report(self, *, over: bool = False) -> None:
        """Send what was sent and heard so far."""
        to = self._control
        if to is None or self._reporting is None:
            return
        now = self._scheduler.time()
        packet = rtcp.report(
            self._ssrc,
            sent=self._of_source,
            octets=self._octets,
            timestamp=self._timestamp,
            wall=time.time(),
            block=self._heard.block(now) if self._heard is not None else b"",
            over=over,
        )

        def out() -> None:
            sock = self._aside[1] if self._aside else self._rtcp
            with contextlib.suppress(OSError):
                sock.sendto(packet, to)

        if not over:
            self._way.later(out)
        elif not self._sound.way.delay_s:  # on a long way it would come after the end
            out()

    # Changes ------------------------------------------------------------------------------------

    def _move(self) -> None:
        """Go on from a new pair of ports; at the old one nobody listens any more."""
        self._unlisten(self._rtp, self._rtcp)
        self._rtp, self._rtcp = _bind_pair(self._host)
        self._listen(self._rtp, self._rtcp)

    def _renew(self) -> None:
        """Go on as another source: number, time and SSRC begin anew (RFC 3550 §8.2)."""
        self._report(over=True)
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp, self._sent_at = secrets.randbits(32), None
        self._of_source, self._octets = 0, 0
        self._play(self._source)

    def _listen(self, rtp: socket.socket, control: socket.socket) -> None:
        self._loop.add_reader(rtp, self._read_rtp)
        self._loop.add_reader(control, self._read_rtcp)

    def _unlisten(self, *sockets: socket.socket) -> None:
        for sock in sockets:
            self._loop.remove_reader(sock)
            sock.close()


def _usable(address: Address) -> bool:
    """Whether something may be sent there."""
    try:
        return address[1] > 0 and ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return False


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and its odd neighbour."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_PAIR_TRIES):
        first = socket.socket(family, socket.SOCK_DGRAM)
        second = socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((host, 0))
            port = first.getsockname()[1]
            second.bind((host, port ^ 1))
        except OSError:
            first.close()
            second.close()
            continue
        first.setblocking(False)
        second.setblocking(False)
        return (first, second) if port % 2 == 0 else (second, first)
    raise OSError(f"no free pair of RTP ports on {host}")
