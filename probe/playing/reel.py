"""The source of a call's sound (a Source of probe/rtp/sound.py), where the clock is kept."""

import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from probe.playing import keys
from probe.playing.events import pressed
from probe.rtp.sound import Frame, Kind
from probe.rtp.track import Track
from probe.trace.media import Agreed

MOST_KEPT = 90_000
"""Packets that are kept for a recording: half an hour of 20 ms."""

Sent = tuple[str, int, bytes]
"""Encoding name, clock rate and payload of a packet; without payload where it was no sound."""


class Pressed(NamedTuple):
    """Keys that are to be pressed."""

    digits: str
    way: str
    tracks: dict[tuple[str, int, str], Track]
    "The tones of in-band keys, by codec, clock rate and digit."

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.digits) * (keys.PRESSED_S + keys.PAUSE_S)


class Reel:
    """Ready payload: a programme in every codec that may be agreed on, and keys."""

    def __init__(self) -> None:
        self.tracks: dict[tuple[str, int], Track] = {}
        "The programme, by encoding name in capitals and clock rate."
        self.kept: list[Sent] | None = None
        self._room = MOST_KEPT
        self._pressed: dict[tuple[str, int, str], Track] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        self._now: Iterator[Frame] | None = None
        self._place_s = 0.0
        self._codec = ("", 0)
        self._agreed: Agreed | None = None

    def keep(self, keeps: bool) -> None:
        """Say whether what is sent is kept."""
        self.kept = [] if keeps else None

    def told(self, words: Pressed) -> None:
        """Press keys, after those that wait already."""
        self._pressed.update(words.tracks)
        self._waiting.extend((digit, words.way) for digit in words.digits)

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return what the next packet holds."""
        if agreed is not self._agreed:
            self._agreed, self._codec = agreed, (agreed.codec.upper(), agreed.clock_rate)
        found = self._next(agreed)
        if self.kept is not None and self._room > 0:
            held = found.payload if found is not None and found.kind is Kind.AUDIO else b""
            self.kept.append((agreed.codec, agreed.clock_rate, held))
            self._room -= 1
        return found

    def _next(self, agreed: Agreed) -> Frame | None:
        began = self._place_s
        self._place_s = began + agreed.ptime_s
        while self._now is not None or self._waiting:
            if self._now is None:
                self._now = self._keys(*self._waiting.popleft(), agreed)
            found = next(self._now, None)
            if found is not None:
                return found
            self._now = None
        return self._sound(began, agreed)

    def _sound(self, began: float, agreed: Agreed) -> Frame | None:
        """Return the packet of the programme that begins at a place in time."""
        track = self.tracks.get(self._codec)
        return None if track is None else track.packet(began, agreed.ptime_s)

    def _keys(self, digit: str, way: str, agreed: Agreed) -> Iterator[Frame]:
        """Yield the packets of one key and of the pause after it."""
        if way == "inband":
            track = self._pressed.get((*self._codec, digit))
            if track is not None:
                count = max(round(agreed.ptime_s / track.frame_s), 1)
                for first in range(0, len(track.once), count):
                    yield Frame(b"".join(track.once[first : first + count]))
            return
        yield from pressed(
            digit,
            seconds=keys.PRESSED_S,
            ptime_s=agreed.ptime_s,
            clock_rate=agreed.clock_rate,
        )
        # The endings of the event have taken two packets of the pause already.
        for _ in range(max(math.ceil(keys.PAUSE_S / agreed.ptime_s) - 2, 1)):
            found = self._sound(self._place_s, agreed)
            if found is None:
                return
            yield found
