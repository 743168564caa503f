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


class _Track:
    """Frames of one codec: some that are played once, some that go round after them."""

    def __init__(self, coder: Coder, once: bytes, again: bytes) -> None:
        self.frame_s = coder.frame_s
        self.once = list(_frames(coder, once))
        # The first round warms up codecs that remember; what goes round follows on itself.
        for _ in _frames(coder, again):
            pass
        self.again = list(_frames(coder, again))

    def at(self, place: int) -> bytes:
        """Return the frame at a place in time."""
        if place < len(self.once):
            return self.once[place]
        return self.again[(place - len(self.once)) % len(self.again)]


class Player:
    """A Source (probe/rtp/sound.py)."""

    def __init__(self, play: str | None, coders: Coders, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds on the trace's clock."""
        self.began_at: float | None = None
        "When the first packet was asked for, on the trace's clock."
        self._clock = clock
        self._play = play
        self._coders = coders
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._pressed: dict[tuple[str, int, str], list[bytes]] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        self._now: Iterator[Frame] | None = None
        self._place_s = 0.0
        self.keeps = False
        "Whether what is sent is kept, for a recording."
        self.sent: list[tuple[str, int, bytes]] = []
        "Encoding name, clock rate and payload of each packet of sound, where it is kept."

    @property
    def plays_marker(self) -> bool:
        """Whether an echo is to be looked for."""
        return self._play == "marker"

    # From the worker's thread -----------------------------------------------------------------

    def prepare(self, codec: str, clock_rate: int = 8000) -> None:
        """Encode the programme for a codec; nothing where no coder is known for it."""
        which = (codec.upper(), clock_rate)
        if which in self._tracks:
            return
        coder = self._coders(*which)
        if coder is None:
            return
        found = programme(self._play, coder.rate)
        self._tracks[which] = _Track(coder, found.once, found.again)
        coder.close()

    def press(self, digits: str, way: str) -> float:
        """Press keys one after the other, ``rfc4733`` or ``inband``; return how long it takes, s.

        In-band keys are encoded here for every codec that was prepared.
        """
        if way == "inband":
            for codec, clock_rate in list(self._tracks):
                self._encode_keys(codec, clock_rate, digits)
        self._waiting.extend((digit, way) for digit in digits)
        return len(digits) * (keys.PRESSED_S + keys.PAUSE_S)

    @property
    def pressing(self) -> bool:
        """Whether keys are still being pressed."""
        return bool(self._waiting) or self._now is not None

    def _encode_keys(self, codec: str, clock_rate: int, digits: str) -> None:
        for digit in dict.fromkeys(digits):
            coder = self._coders(codec, clock_rate)
            if coder is None:
                return
            sound = key_tone(digit, keys.PRESSED_S, coder.rate)
            sound += silence(keys.PAUSE_S, coder.rate)
            self._pressed[codec, clock_rate, digit] = list(_frames(coder, sound))
            coder.close()

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
        if self._now is None and self._waiting:
            self._now = self._keys(*self._waiting.popleft(), agreed)
        if self._now is not None:
            found = next(self._now, None)
            if found is not None:
                return found
            self._now = None
        track = self._tracks.get((agreed.codec.upper(), agreed.clock_rate))
        if track is None:
            return None
        first = round(began / track.frame_s)
        count = max(round(agreed.ptime_s / track.frame_s), 1)
        return Frame(b"".join(track.at(first + n) for n in range(count)))

    def _keys(self, digit: str, way: str, agreed: Agreed) -> Iterator[Frame]:
        """Yield the packets of one key and of the pause after it."""
        if way == "inband":
            which = (agreed.codec.upper(), agreed.clock_rate, digit)
            yield from _packets(self._pressed.get(which, []), agreed, self._tracks)
            return
        yield from pressed(
            digit,
            seconds=keys.PRESSED_S,
            ptime_s=agreed.ptime_s,
            clock_rate=agreed.clock_rate,
        )
        track = self._tracks.get((agreed.codec.upper(), agreed.clock_rate))
        # The three endings of the event have taken two packets of the pause.
        for _ in range(max(math.ceil(keys.PAUSE_S / agreed.ptime_s) - 2, 1)):
            if track is None:
                return
            first = round(self._place_s / track.frame_s)
            count = max(round(agreed.ptime_s / track.frame_s), 1)
            yield Frame(b"".join(track.at(first + n) for n in range(count)))


def _packets(
    frames: list[bytes], agreed: Agreed, tracks: dict[tuple[str, int], _Track]
) -> Iterator[Frame]:
    """Yield frames as packets of the agreed length."""
    track = tracks.get((agreed.codec.upper(), agreed.clock_rate))
    count = max(round(agreed.ptime_s / track.frame_s), 1) if track is not None else 1
    for first in range(0, len(frames), count):
        yield Frame(b"".join(frames[first : first + count]))


def _frames(coder: Coder, pcm: bytes) -> Iterator[bytes]:
    """Encode samples frame by frame; the last frame is filled up with silence."""
    size = 2 * round(coder.rate * coder.frame_s)
    for first in range(0, len(pcm), size):
        yield coder.encode(pcm[first : first + size].ljust(size, b"\0"))
