"""The source of a call's sound: a programme that goes on, and keys that are pressed into it.

All coding is done beforehand, on the worker's thread: the thread that keeps the clock takes ready
payload out of lists.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator

from probe.playing import keys
from probe.playing.coder import Coder, Coders
from probe.playing.events import pressed
from probe.playing.programme import key_tone, programme, silence
from probe.rtp.sound import Frame, Kind
from probe.trace.media import Agreed

MOST_KEPT = 90_000
"""Packets that are kept for a recording: half an hour of 20 ms."""


_MOST_TRACKS = 64
"""Programmes that are kept in a process; a tone in one codec has 24 kB."""


class _Track:
    """Frames of one codec: some that are played once, some that go round after them."""

    def __init__(self, coder: Coder, once: bytes, again: bytes) -> None:
        self.frame_s = coder.frame_s
        self.once = list(_frames(coder, once))
        # The first round warms up codecs that remember; what goes round follows on itself.
        for _ in _frames(coder, again) if coder.remembers else ():
            pass
        self.again = list(_frames(coder, again))

    def at(self, place: int) -> bytes:
        """Return the frame at a place in time."""
        if place < len(self.once):
            return self.once[place]
        return self.again[(place - len(self.once)) % len(self.again)]


class Tracks:
    """What has been encoded in this process; calls that play the same share it."""

    def __init__(self, coders: Coders) -> None:
        self._coders = coders
        self._programmes: dict[tuple[str | None, str, int], _Track] = {}
        self._keys: dict[tuple[str, str, int], _Track] = {}

    def programme(self, play: str | None, codec: str, clock_rate: int) -> _Track | None:
        """Return a programme in a codec; None where no coder is known for it."""
        which = (play, codec, clock_rate)
        if which not in self._programmes:
            coder = self._coders(codec, clock_rate)
            if coder is None:
                return None
            if len(self._programmes) >= _MOST_TRACKS:
                self._programmes.pop(next(iter(self._programmes)))
            found = programme(play, coder.rate)
            self._programmes[which] = _Track(coder, found.once, found.again)
            coder.close()
        return self._programmes[which]

    def key(self, digit: str, codec: str, clock_rate: int) -> _Track | None:
        """Return the tones of a key with the pause after it; None where no coder is known."""
        which = (digit, codec, clock_rate)
        if which not in self._keys:
            coder = self._coders(codec, clock_rate)
            if coder is None:
                return None
            sound = key_tone(digit, keys.PRESSED_S, coder.rate)
            self._keys[which] = _Track(coder, sound + silence(keys.PAUSE_S, coder.rate), b"")
            coder.close()
        return self._keys[which]


class Player:
    """A Source (probe/rtp/sound.py)."""

    def __init__(self, play: str | None, tracks: Tracks, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds on the trace's clock."""
        self.began_at: float | None = None
        "When the first packet was asked for, on the trace's clock."
        self.keeps = False
        "Whether what is sent is kept, for a recording."
        self.sent: list[tuple[str, int, bytes]] = []
        "Encoding name, clock rate and payload of each packet of sound, where it is kept."
        self._clock = clock
        self._play = play
        self._tracks = tracks
        self._ready: dict[tuple[str, int], _Track] = {}
        self._pressed: dict[tuple[str, int, str], _Track] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        self._now: Iterator[Frame] | None = None
        self._place_s = 0.0

    @property
    def plays_marker(self) -> bool:
        """Whether an echo is to be looked for."""
        return self._play == "marker"

    # From the worker's thread -----------------------------------------------------------------

    def prepare(self, codec: str, clock_rate: int = 8000) -> None:
        """Encode the programme for a codec; nothing where no coder is known for it."""
        track = self._tracks.programme(self._play, codec.upper(), clock_rate)
        if track is not None:
            self._ready[codec.upper(), clock_rate] = track

    def press(self, digits: str, way: str) -> float:
        """Press keys one after the other, ``rfc4733`` or ``inband``; return how long it takes, s.

        In-band keys are encoded here for every codec that was prepared.
        """
        if way == "inband":
            for codec, clock_rate in list(self._ready):
                for digit in dict.fromkeys(digits):
                    track = self._tracks.key(digit, codec, clock_rate)
                    if track is not None:
                        self._pressed[codec, clock_rate, digit] = track
        self._waiting.extend((digit, way) for digit in digits)
        return len(digits) * (keys.PRESSED_S + keys.PAUSE_S)

    # From the clock's thread ------------------------------------------------------------------

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return what the next packet holds."""
        found = self._next(agreed)
        if self.keeps and len(self.sent) < MOST_KEPT:
            held = found.payload if found is not None and found.kind is Kind.AUDIO else b""
            self.sent.append((agreed.codec, agreed.clock_rate, held))
        return found

    def _next(self, agreed: Agreed) -> Frame | None:
        if self.began_at is None:
            self.began_at = self._clock()
        began, self._place_s = self._place_s, self._place_s + agreed.ptime_s
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
        track = self._ready.get((agreed.codec.upper(), agreed.clock_rate))
        if track is None:
            return None
        first = round(began / track.frame_s)
        count = max(round(agreed.ptime_s / track.frame_s), 1)
        return Frame(b"".join(track.at(first + n) for n in range(count)))

    def _keys(self, digit: str, way: str, agreed: Agreed) -> Iterator[Frame]:
        """Yield the packets of one key and of the pause after it."""
        if way == "inband":
            track = self._pressed.get((agreed.codec.upper(), agreed.clock_rate, digit))
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


def _frames(coder: Coder, pcm: bytes) -> Iterator[bytes]:
    """Encode samples frame by frame; the last frame is filled up with silence."""
    size = 2 * round(coder.rate * coder.frame_s)
    for first in range(0, len(pcm), size):
        yield coder.encode(pcm[first : first + size].ljust(size, b"\0"))
