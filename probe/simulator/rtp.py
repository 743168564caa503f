"""RTP on loopback for one call: echo, ringing tone or silence (RFC 3550)."""

import asyncio
import contextlib
import ipaddress
import math
import secrets
import socket
import struct
from collections.abc import Callable
from functools import lru_cache

from probe.simulator.behaviour import Media
from probe.simulator.clock import Cancellable, Scheduler
from probe.simulator.records import Address

FRAME_S = 0.02
"""Seconds of sound in a packet."""

RATE = 8000
"""Samples per second of G.711."""

_SAMPLES = int(RATE * FRAME_S)
_TONES_HZ = (
    400,
    450,
)  # the British ringing tone: whole cycles in 20 ms, so one frame is every frame
_AMPLITUDE = 8000
_HEADER = 12
_VERSION = 2
_MAX_PACKET = 2048
_BURST = 64
_DIGITS = "0123456789*#ABCD"  # RFC 4733 §3.2
_PAIR_TRIES = 32


class RtpPort:
    """An RTP socket with its RTCP neighbour; only ever talks to loopback."""

    def __init__(self, host: str, scheduler: Scheduler, media: Media) -> None:
        """Bind; raise OSError where no pair of ports is free."""
        self._loop = asyncio.get_running_loop()
        self._scheduler = scheduler
        self._rtp, self._rtcp = _bind_pair(host)
        self.port = int(self._rtp.getsockname()[1])
        "The RTP port; RTCP has the next one (RFC 3550 §11)."
        self.packets = 0
        "RTP packets received."
        self.echoed = 0
        "RTP packets sent."
        self.rtcp_packets = 0
        "RTCP packets received."
        self.media = media
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = 0
        self._tone: Cancellable | None = None
        self._events: tuple[int, Callable[[str], None]] | None = None
        self._last_event = -1
        self._loop.add_reader(self._rtp, self._read_rtp)
        self._loop.add_reader(self._rtcp, self._read_rtcp)

    def close(self) -> None:
        """Close both sockets, once."""
        self.stop_tone()
        for sock in (self._rtp, self._rtcp):
            self._loop.remove_reader(sock)
            sock.close()

    def play_tone(self, to: Address, payload: int, codec: str) -> None:
        """Play the ringing tone; nothing happens where ``to`` is not on loopback."""
        if _is_loopback(to[0]) and to[1] > 0:
            self._next_tone(to, payload, tone_frame(codec.upper()))

    def hear_events(self, payload: int, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with each digit of that payload type, once, when its key is released."""
        self._events = (payload, heard)

    def _event(self, packet: bytes) -> None:
        """Read a telephone-event; its last packets all say the same (RFC 4733 §2.5.1.4)."""
        (timestamp,) = struct.unpack_from("!I", packet, 4)
        ended = len(packet) >= _HEADER + 4 and packet[_HEADER + 1] & 0x80
        if self._events is not None and ended and timestamp != self._last_event:
            self._last_event = timestamp
            if packet[_HEADER] < len(_DIGITS):
                self._events[1](_DIGITS[packet[_HEADER]])

    def stop_tone(self) -> None:
        """End the tone."""
        if self._tone is not None:
            self._tone.cancel()
            self._tone = None

    def _next_tone(self, to: Address, payload: int, frame: bytes) -> None:
        self._tone = self._scheduler.call_later(
            FRAME_S, lambda: self._next_tone(to, payload, frame)
        )
        self._timestamp = (self._timestamp + _SAMPLES) % 2**32
        self._send(bytes((_VERSION << 6, payload)), self._timestamp, frame, to)

    def _read_rtp(self) -> None:
        for _ in range(_BURST):
            try:
                packet, peer = self._rtp.recvfrom(_MAX_PACKET)
            except OSError:
                return
            if len(packet) < _HEADER or packet[0] >> 6 != _VERSION:
                continue
            self.packets += 1
            if self._events is not None and packet[1] & 0x7F == self._events[0]:
                self._event(packet)
            if self.media is not Media.DEAF and self._tone is None:
                (timestamp,) = struct.unpack_from("!I", packet, 4)
                # The first two bytes go back as they came: CSRC count, extension, marker and
                # payload type describe the rest of the packet, which is copied too.
                self._send(packet[:2], timestamp, packet[_HEADER:], (peer[0], peer[1]))

    def _send(self, head: bytes, timestamp: int, rest: bytes, to: Address) -> None:
        self._sequence = (self._sequence + 1) % 2**16
        header = head + struct.pack("!HII", self._sequence, timestamp, self._ssrc)
        with contextlib.suppress(OSError):  # a full buffer is packet loss
            self.echoed += 1
            self._rtp.sendto(header + rest, to)

    def _read_rtcp(self) -> None:
        for _ in range(_BURST):
            try:
                self._rtcp.recv(_MAX_PACKET)
            except OSError:
                return
            self.rtcp_packets += 1


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
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


@lru_cache(maxsize=2)
def tone_frame(codec: str) -> bytes:
    """Return 20 ms of ringing tone in PCMU or PCMA (ITU-T G.711)."""
    encode = _alaw if codec == "PCMA" else _ulaw
    return bytes(
        encode(int(sum(_AMPLITUDE / 2 * math.sin(2 * math.pi * hz * n / RATE) for hz in _TONES_HZ)))
        for n in range(_SAMPLES)
    )


def _ulaw(sample: int) -> int:
    """Compress a 16-bit sample by the mu-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | (exponent << 4) | mantissa) & 0xFF


def _alaw(sample: int) -> int:
    """Compress a 16-bit sample by the A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32767) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F
    return (sign | (exponent << 4) | mantissa) ^ 0x55
