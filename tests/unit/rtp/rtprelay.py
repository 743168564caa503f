"""A user-space UDP relay that does to RTP what a bad network does, by a plan drawn from a seed.

Two sessions speak through it as through a network. What it did is written down as it is done:
how many packets it dropped, doubled and held, and when each left.
"""

import heapq
import random
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to the packets of one way; shares are 0 to 1, times seconds."""

    loss: float = 0.0
    duplicates: float = 0.0
    reordered: float = 0.0
    "Share of packets that are held until two later ones have passed."
    delay_s: float = 0.0
    jitter_s: float = 0.0
    "Each packet waits up to this long beyond the delay, evenly drawn; none overtakes another."
    seed: int = 1


@dataclass(slots=True)
class Done:
    """What was done to one way."""

    came: int = 0
    dropped: int = 0
    doubled: int = 0
    swapped: int = 0
    left: list[tuple[float, int, int]] = field(default_factory=list)
    "When each packet left (monotonic), its sequence number and its timestamp."

    def jitter(self) -> float:
        """Return the mean jitter (RFC 3550 §6.4.1) of what left, at 8000 Hz, in seconds."""
        jitter, values = 0.0, []
        for (at, _, stamp), (after, _, later) in zip(self.left, self.left[1:], strict=False):
            jitter += (abs((after - at) - (later - stamp) / 8000) - jitter) / 16
            values.append(jitter)
        return sum(values) / len(values) if values else 0.0

    def late(self, seconds: float) -> int:
        """Return how many left so much later, against their timestamps, than the promptest one."""
        behind = [at - stamp / 8000 for at, _, stamp in self.left]
        return sum(one - min(behind) > seconds for one in behind)


class Relay:
    """Relays RTP from one session to another, and RTCP beside it untouched."""

    def __init__(self, weather: Weather) -> None:
        self.port = 0
        self._rtp, self._rtcp = self._pair()
        self._weather = weather
        self._dice = random.Random(weather.seed)
        self.done = Done()
        self._goal: tuple[str, int] = (LOOPBACK, 9)
        self._waiting: list[tuple[float, int, bytes]] = []
        self._held: list[tuple[int, bytes]] = []
        self._count = 0
        self._last = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        while True:
            first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first.bind((LOOPBACK, 0))
            self.port = first.getsockname()[1]
            try:
                second.bind((LOOPBACK, self.port + 1))
            except OSError:
                first.close()
                second.close()
                continue
            return first, second

    def start(self, port: int) -> None:
        """Relay to a port on loopback from now on."""
        self._goal = (LOOPBACK, port)
        self._thread.start()

    def emptied(self, seconds: float) -> None:
        """Wait until nothing is on its way any more, at most so long: the machine may be busy."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            time.sleep(0.01)

    def close(self) -> None:
        """End, without what still waits."""
        self._stop.set()
        self._thread.join(5.0)
        self._rtp.close()
        self._rtcp.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = self._waiting[0][0] - time.monotonic() if self._waiting else 0.05
            ready, _, _ = select.select([self._rtp, self._rtcp], [], [], max(min(wait, 0.05), 0))
            if self._rtcp in ready:
                data, _ = self._rtcp.recvfrom(2048)
                self._rtcp.sendto(data, (self._goal[0], self._goal[1] + 1))
            if self._rtp in ready:
                self._came(self._rtp.recvfrom(2048)[0])
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                self._leave(heapq.heappop(self._waiting)[2])

    def _came(self, data: bytes) -> None:
        weather, dice = self._weather, self._dice
        self.done.came += 1
        # The first two packets are spared: what is lost before the first nobody can see.
        fate = dice.random() if self.done.came > 2 else 1.0
        if fate < weather.loss:
            self.done.dropped += 1
        elif fate < weather.loss + weather.duplicates:
            self.done.doubled += 1
            self._queue(data)
            self._queue(data)
        elif fate < weather.loss + weather.duplicates + weather.reordered and not self._held:
            self.done.swapped += 1
            self._held.append((2, data))
            return
        else:
            self._queue(data)
        if self._held:
            passed, held = self._held.pop()
            if passed == 1:
                self._queue(held)
            else:
                self._held.append((passed - 1, held))

    def _queue(self, data: bytes) -> None:
        weather = self._weather
        extra = self._dice.uniform(0, weather.jitter_s) if weather.jitter_s else 0.0
        self._last = max(self._last, time.monotonic() + weather.delay_s + extra)
        self._count += 1
        heapq.heappush(self._waiting, (self._last, self._count, data))

    def _leave(self, data: bytes) -> None:
        sequence, stamp = struct.unpack_from("!HI", data, 2)
        self._rtp.sendto(data, self._goal)
        self.done.left.append((time.monotonic(), sequence, stamp))
