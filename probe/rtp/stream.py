"""What one call sends, packet by packet, each at its own moment. In the process that keeps time."""

import mmap
import socket
from collections.abc import Callable

from probe.rtp.orders import Begin, Task
from probe.rtp.packet import rtp_header
from probe.rtp.silence import Silence
from probe.rtp.sound import Frame, Kind
from probe.rtp.srtp import Guard
from probe.rtp.transmission import Transmission
from probe.sip import chance
from probe.trace.media import TIMELY_S

_MOST_BEHIND = 10
"""Packets that are sent at once after a standstill; the rest is left out."""

_AUDIO = Kind.AUDIO
_TRIES = 3
"""An ICMP error of an earlier packet is told instead of sending the next one: tried again."""


class Stream:
    """Sends for one call; errors of time do not add up, because each moment is an absolute one."""

    def __init__(
        self, begin: Begin, one: socket.socket, memory: mmap.mmap, clock: Callable[[], float]
    ) -> None:
        """``clock`` gives monotonic seconds."""
        self.call = begin.call
        self.source = begin.source
        self.answered = begin.answered
        self.due: float | None = None
        "When the next packet is due; None while nothing may be sent."
        self.fault = ""
        self._socket, self._memory, self._clock = one, memory, clock
        self._place, self._ssrc = begin.place, begin.ssrc
        self._silence = Silence()
        self._sequence = chance.bits(16)
        self._resume = True
        self._stopped: float | None = None
        self._guard: Guard | None = None
        self._task: Task | None = None
        self._payload_type: int | None = None
        self._others: dict[Kind, int | None] = {}
        self._samples = 0
        self.figures = Transmission()
        self.figures.timestamp = chance.bits(32)

    @property
    def keeps(self) -> bool:
        """Whether what is sent is kept, for a recording."""
        return self.source.kept is not None

    def follow(self, task: Task, start: Callable[[float, float], float]) -> None:
        """Follow an agreement from now on.

        ``start`` gives the moment of the first packet: from what moment on, and the packet time.
        """
        before, self._task = self._task, task
        agreed, now = task.agreed, self._clock()
        self._payload_type = agreed.payload_type
        self._others = {
            Kind.EVENT: agreed.events,
            Kind.COMFORT_NOISE: task.comfort_noise,
            Kind.OTHER: None,
        }
        self._samples = round(agreed.clock_rate * agreed.ptime_s)
        if task.keys is None:
            self._guard = None
        elif before is None or before.keys != task.keys:
            self._guard = Guard(task.keys)
        if task.sends and self.due is None and not self.fault:
            if self._stopped is not None:  # timestamps count time, also that of a hold
                self.figures.timestamp += round((now - self._stopped) * agreed.clock_rate)
            self.due, self._resume = start(now, agreed.ptime_s), True
        elif not task.sends and self.due is not None:
            self._stopped, self.due = self.due, None
        self.figures.due = self.due or now
        self.figures.store(self._memory, self._place)

    def broke(self, error: Exception) -> None:
        """Go on without packets: an error of ours may not end the other calls."""
        self.fault = f"an error of our own: {type(error).__name__}"
        self.due = None

    def close(self) -> None:
        """Write the last figures down and give this end of the socket back."""
        self.due = None
        self.figures.store(self._memory, self._place)
        self._socket.close()

    def tick(self) -> None:
        """Send each packet whose time has come; after a long standstill leave some out."""
        task, figures, clock = self._task, self.figures, self._clock
        assert task is not None and self.due is not None  # noqa: PT018, S101 - one is due
        agreed = task.agreed
        due, ptime, now = self.due, agreed.ptime_s, clock()
        behind = int((now - due) / ptime)
        if behind > _MOST_BEHIND:
            left_out = behind - _MOST_BEHIND
            figures.left_out(left_out, now - due)
            figures.timestamp += left_out * self._samples
            due += left_out * ptime
        while due <= now:
            if not self.answered:
                frame = self._silence.frame(agreed)
            else:
                figures.began_at = figures.began_at or now
                frame = self.source.frame(agreed)
            octets = -1 if frame is None else self._send(frame, task.address)
            now = clock()
            if octets >= 0:
                figures.packets += 1
                figures.octets += octets
                figures.last_at = now
                figures.first_at = figures.first_at or now
            elif frame is None:
                self._resume = True
            late = now - due
            figures.frames += 1
            figures.late += late > TIMELY_S
            figures.worst = max(figures.worst, late)
            figures.timestamp += self._samples
            due += ptime
        self.due = figures.due = due
        figures.store(self._memory, self._place)

    def _send(self, frame: Frame, address: tuple[str, int] | None) -> int:
        """Hand one packet to the kernel; return the bytes of its payload, -1 where none left."""
        audio = frame.kind is _AUDIO
        number = self._payload_type if audio else self._others[frame.kind]
        if number is None or address is None:
            return -1
        marker = frame.marker or (self._resume and audio)
        self._resume = False
        self._sequence = (self._sequence + 1) & 0xFFFF
        timestamp = (self.figures.timestamp - frame.back) & 0xFFFFFFFF
        second = number | 0x80 if marker else number
        packet: bytes | None = (
            rtp_header(second, self._sequence, timestamp, self._ssrc) + frame.payload
        )
        if self._guard is not None and packet is not None:
            packet = self._guard.protect(packet)
        if packet is not None:
            for _ in range(_TRIES):
                try:
                    self._socket.sendto(packet, address)
                except BlockingIOError:
                    break
                except OSError:
                    self.figures.refused += 1
                else:
                    return len(frame.payload)
        self.figures.errors += 1
        return -1
