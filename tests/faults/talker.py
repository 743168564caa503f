"""The sound of a scripted far end: RTP and RTCP of its own, with what can be wrong with it.

It imports nothing of the product: G.711, RTP and RTCP are written out here once more, from the
standards, so that a mistake of the product is not met by the same mistake.
"""

import asyncio
import contextlib
import math
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from uas import Call, Exchange

REPORT_S = 0.7
"""Seconds between two RTCP packets."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a far end talks and listens; probabilities are those of one packet."""

    hertz: tuple[int, ...] = (1004,)
    "What it plays; empty for silence."

    cadence: float = 0.0
    "Seconds of sound and of silence in turn; 0: without a pause."

    peak: int = 8000
    "Of 32767."

    speaks: bool = True
    "Whether it sends RTP."

    hears: Callable[[float], bool] = lambda _: True
    "Whether what comes in so many seconds after the answer is heard."

    latches: bool = True
    "Whether it sends to where packets come from; else to the address in the offer."

    reports: bool = True
    "Whether it sends RTCP."

    kind: int | None = None
    "Payload type, where it is not the agreed one."

    packet_ms: int = 20
    "Sound in a packet."

    other_law: bool = False
    "Whether it codes by the law that was not agreed."

    sealed: bool = False
    "Whether packets look as after SRTP."

    begins: float = 0.0
    "Seconds after the answer."

    ends: float = math.inf
    "Seconds after the answer."

    loses: float = 0.0
    "Share that is lost."

    swaps: float = 0.0
    "Share that is overtaken by the next."

    doubles: float = 0.0
    "Share that comes twice."

    uneven: float = 0.0
    "Most seconds by which a packet is late, order kept."

    far: float = 0.0
    "Seconds of each way."

    moves_at: float = math.inf
    "When it goes on from another port."

    renews_at: float = math.inf
    "When it goes on as another source."


@lru_cache(maxsize=32)
def _coded(hertz: tuple[int, ...], peak: int, alaw: bool) -> bytes:
    """Return one second of sound in G.711."""
    code = _alaw if alaw else _ulaw
    return bytes(
        code(
            int(sum(peak / len(hertz) * math.sin(2 * math.pi * hz * n / 8000) for hz in hertz))
            if hertz
            else 0
        )
        for n in range(8000)
    )


def _ulaw(value: int) -> int:
    sign, value = (0x80, -value) if value < 0 else (0, value)
    value = min(value, 32635) + 132
    segment = value.bit_length() - 8
    return 0xFF ^ (sign | segment << 4 | (value >> segment + 3) & 15)


def _alaw(value: int) -> int:
    sign, value = (0x80, value) if value >= 0 else (0, -value - 1)
    value >>= 4
    segment = max(0, value.bit_length() - 4)
    low = value if segment == 0 else value >> segment - 1
    return (sign | segment << 4 | low & 15) ^ 0x55


class Talker:
    """The sound of one call."""

    def __init__(self, call: Call, manner: Manner, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.call, self.manner, self.dice = call, manner, call.uas.rng
        self.rtp, self.rtcp = rtp, rtcp
        self.loop = asyncio.get_running_loop()
        offer = call.offer
        host = re.search(r"(?m)^c=IN IP4 (\S+)", offer)
        port = re.search(r"(?m)^m=audio (\d+) \S+ (.+?)\r?$", offer)
        self.to: tuple[str, int] = (host[1] if host else "", int(port[1]) if port else 0)
        formats = port[2].split() if port else ["0"]
        self.agreed = int(next((f for f in formats if f in {"0", "8"}), "0"))
        self.ssrc, self.number = self.dice.randrange(2**32), self.dice.randrange(2**16)
        self.base = self.dice.randrange(2**32)
        self.sent = 0
        self.control: tuple[str, int] = (self.to[0], self.to[1] + 1)
        self.heard: dict[int, list[int]] = {}
        self.their_report: tuple[int, float] = (0, 0.0)
        self.held: bytes | None = None
        self.last_out = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self.closed = False

    def start(self) -> None:
        """Begin at the answer."""
        self.answered = time.monotonic()
        for one in (self.rtp, self.rtcp):
            one.setblocking(False)
        self.loop.add_reader(self.rtp, self._hear)
        self.loop.add_reader(self.rtcp, self._told)
        for work in (self._talk(), self._report()):
            self.tasks.append(self.loop.create_task(work))
        before = self.call.on.get("BYE")

        async def over(exchange: Exchange) -> None:
            self.close()
            await (before(exchange) if before else exchange.reply(200))

        self.call.on["BYE"] = over

    def close(self) -> None:
        """Stop, once."""
        if self.closed:
            return
        self.closed = True
        for task in self.tasks:
            task.cancel()
        for one in (self.rtp, self.rtcp):
            self.loop.remove_reader(one)
            one.close()

    @property
    def since(self) -> float:
        """Seconds since the answer."""
        return time.monotonic() - self.answered

    async def _talk(self) -> None:
        manner = self.manner
        length = manner.packet_ms * 8
        count, moved, renewed = 0, False, False
        await asyncio.sleep(manner.begins)
        begun = time.monotonic()
        while self.since < manner.ends and manner.speaks:
            if self.since >= manner.moves_at and not moved:
                moved = True
                self._move()
            if self.since >= manner.renews_at and not renewed:
                renewed = True
                self.ssrc, self.number = self.dice.randrange(2**32), self.dice.randrange(2**16)
            self._speak(count, length)
            count += 1
            due = begun + count * manner.packet_ms / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _speak(self, count: int, length: int) -> None:
        manner = self.manner
        pause = manner.cadence and (count * length / 8000) % (2 * manner.cadence) >= manner.cadence
        alaw = (self.agreed == 8) != manner.other_law
        second = _coded(() if pause else manner.hertz, manner.peak, alaw)
        start = count * length % 8000
        data = (second + second[:length])[start : start + length]
        if manner.sealed:
            data = self.dice.randbytes(len(data) + 10)
        self.number = (self.number + 1) % 2**16
        stamp = (self.base + count * length) % 2**32
        kind = self.agreed if manner.kind is None else manner.kind
        packet = struct.pack("!BBHII", 0x80, kind, self.number, stamp, self.ssrc) + data
        self.sent += 1
        if self.dice.random() < manner.loses:
            return
        if self.held is None and self.dice.random() < manner.swaps:
            self.held = packet
            return
        copies = 2 if self.dice.random() < manner.doubles else 1
        for one in (*([packet] * copies), *([self.held] if self.held else [])):
            self._later(one)
        self.held = None

    def _later(self, packet: bytes) -> None:
        """Let a packet arrive when the way brings it."""
        late = self.dice.uniform(0, self.manner.uneven) + self.manner.far
        now = self.loop.time()
        at = max(now + late, self.last_out)
        self.last_out = at
        if at <= now:
            self._out(packet)
        else:
            self.loop.call_at(at, self._out, packet)

    def _out(self, packet: bytes) -> None:
        if not self.closed and self.to[1]:
            with contextlib.suppress(OSError):
                self.rtp.sendto(packet, self.to)

    def _move(self) -> None:
        host = self.rtp.getsockname()[0]
        self.loop.remove_reader(self.rtp)
        self.rtp.close()
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind((host, 0))
        self.rtp.setblocking(False)
        self.loop.add_reader(self.rtp, self._hear)

    def _hear(self) -> None:
        try:
            data, peer = self.rtp.recvfrom(2048)
        except OSError:
            return
        if not self.manner.hears(self.since):
            return
        if self.manner.latches:
            self.to = peer
        number, ssrc = struct.unpack_from("!H4xI", data, 2)
        self.loop.call_later(self.manner.far, self.heard.setdefault(ssrc, []).append, number)

    def _told(self) -> None:
        try:
            data, peer = self.rtcp.recvfrom(2048)
        except OSError:
            return
        if not self.manner.hears(self.since):
            return
        if self.manner.latches:
            self.control = peer
        if len(data) >= 28 and data[1] == 200:
            self.loop.call_later(self.manner.far, self._keep, data)

    def _keep(self, data: bytes) -> None:
        self.their_report = (int.from_bytes(data[10:14], "big"), time.monotonic())

    async def _report(self) -> None:
        while self.manner.reports:
            await asyncio.sleep(REPORT_S)
            blocks = b""
            for ssrc, numbers in list(self.heard.items())[-1:]:
                highest = max(numbers, key=lambda n: (n - numbers[0]) % 2**16)
                due = (highest - numbers[0]) % 2**16 + 1
                lost = max(0, due - len(set(numbers)))
                middle, at = self.their_report
                delay = int((time.monotonic() - at) * 65536) if middle else 0
                blocks = struct.pack("!IIIIII", ssrc, lost, highest + 2**16, 8, middle, delay)
            now = time.time() + 2208988800
            sender = struct.pack(
                "!IIIII", int(now), int(now % 1 * 2**32), 0, self.sent, 160 * self.sent
            )
            count = len(blocks) // 24
            body = struct.pack("!I", self.ssrc) + (sender if self.sent else b"") + blocks
            kind = 200 if self.sent else 201
            packet = struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
            name = struct.pack("!IBB", self.ssrc, 1, 3) + b"far" + bytes(3)
            packet += struct.pack("!BBH", 0x81, 202, len(name) // 4) + name
            self.loop.call_later(self.manner.far, self._send_report, packet)

    def _send_report(self, packet: bytes) -> None:
        if not self.closed and self.control[1]:
            with contextlib.suppress(OSError):
                self.rtcp.sendto(packet, self.control)
