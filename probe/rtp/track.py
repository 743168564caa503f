"""Sound that has been encoded: the payload of packets, ready to be sent."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from probe.rtp.sound import Frame

_numbers = count(1)
_known: dict[int, "Track"] = {}
"""Tracks that came from another process, by the number that it gave them."""


class Track:
    """Frames of one codec: some that are played once, some that go round after them."""

    __slots__ = ("_made", "again", "frame_s", "number", "once")

    def __init__(self, frame_s: float, once: Iterable[bytes], again: Iterable[bytes]) -> None:
        """``frame_s`` is how long one frame of the codec lasts, in seconds."""
        self.number = next(_numbers)
        "Names the track within this process."
        self.frame_s = frame_s
        self.once = tuple(once)
        self.again = tuple(again)
        self._made: dict[tuple[int, int], Frame] = {}

    def packet(self, begin_s: float, ptime_s: float) -> Frame:
        """Return the packet of so many seconds that begins at a place in time."""
        first = round(begin_s / self.frame_s)
        many = max(round(ptime_s / self.frame_s), 1)
        over = first - len(self.once)
        if over > 0 and self.again:
            first -= over - over % len(self.again)
        made = self._made.get((first, many))
        if made is None:
            made = Frame(b"".join(self._at(first + n) for n in range(many)))
            self._made[first, many] = made
        return made

    def _at(self, place: int) -> bytes:
        if place < len(self.once):
            return self.once[place]
        if not self.again:
            return b""
        return self.again[(place - len(self.once)) % len(self.again)]


class Shipped:
    """Which tracks another process has already: each crosses once."""

    def __init__(self) -> None:
        self._there: set[int] = set()

    def reduced(self, track: Track) -> tuple[Callable[..., Track], tuple[Any, ...]]:
        """Return how a track is made again over there, as ``pickle`` wants it."""
        if track.number in self._there:
            return _again, (track.number,)
        self._there.add(track.number)
        return _learnt, (track.number, track.frame_s, track.once, track.again)


def _learnt(
    number: int, frame_s: float, once: tuple[bytes, ...], again: tuple[bytes, ...]
) -> Track:
    _known[number] = made = Track(frame_s, once, again)
    return made


def _again(number: int) -> Track:
    return _known[number]
