"""The received stream in stretches of time: for charts, and bounded however long a call is."""

from probe.trace.media import MediaSlice

MOST = 300
"""Slices that are kept: beyond, neighbours become one."""


class Slices:
    """Packets, losses and jitter second by second, coarser where the call is long."""

    def __init__(self) -> None:
        self._length = 1.0
        self._begin: float | None = None
        self._packets: list[int] = []
        self._lost: list[int] = []
        self._jitter: list[float] = []

    def came(self, at: float, lost: int, jitter: float) -> None:
        """Count a packet, what is missing before it, and the jitter after it."""
        place = self._place(at)
        self._packets[place] += 1
        self._lost[place] += lost
        self._jitter[place] = jitter

    def found(self, at: float) -> None:
        """Take off one loss: the packet came after all."""
        place = self._place(at)
        while place >= 0 and self._lost[place] == 0:
            place -= 1
        if place >= 0:
            self._lost[place] -= 1

    def all(self) -> tuple[MediaSlice, ...]:
        """Return what was counted, in order."""
        begin = self._begin or 0.0
        return tuple(
            MediaSlice(
                at=begin + place * self._length,
                length_s=self._length,
                packets=self._packets[place],
                lost=self._lost[place],
                jitter_s=self._jitter[place],
            )
            for place in range(len(self._packets))
        )

    def _place(self, at: float) -> int:
        """Return the slice of a moment; make room for it."""
        if self._begin is None:
            self._begin = at
        place = int((at - self._begin) / self._length)
        if 0 <= place < len(self._packets):
            return place
        while (place := max(int((at - self._begin) / self._length), 0)) >= MOST:
            self._halve()
        while len(self._packets) <= place:
            self._packets.append(0)
            self._lost.append(0)
            self._jitter.append(self._jitter[-1] if self._jitter else 0.0)
        return place

    def _halve(self) -> None:
        """Make one of each two neighbours."""
        self._length *= 2
        count = len(self._packets)
        self._packets = [sum(self._packets[i : i + 2]) for i in range(0, count, 2)]
        self._lost = [sum(self._lost[i : i + 2]) for i in range(0, count, 2)]
        self._jitter = [self._jitter[i : i + 2][-1] for i in range(0, count, 2)]
