"""What a call plays: a programme that goes on, and keys that are pressed into it.

All coding is done beforehand, where the call is signalled: what keeps the clock takes ready payload
out of a ``Reel``.
"""

from collections.abc import Iterator

from probe.playing import keys
from probe.playing.coder import Coder, Coders
from probe.playing.programme import key_tone, programme, silence
from probe.playing.reel import Pressed, Reel, Sent
from probe.rtp.track import Track

_MOST_TRACKS = 64
"""Programmes that are kept in a process; a tone in one codec has 24 kB."""


def _track(coder: Coder, once: bytes, again: bytes) -> Track:
    """Encode what is played once and what goes round after it."""
    first = list(_frames(coder, once))
    # The first round warms up codecs that remember; what goes round follows on itself.
    for _ in _frames(coder, again) if coder.remembers else ():
        pass
    return Track(coder.frame_s, first, _frames(coder, again))


class Tracks:
    """What has been encoded in this process; calls that play the same share it."""

    def __init__(self, coders: Coders) -> None:
        self._coders = coders
        self._programmes: dict[tuple[str | None, str, int], Track] = {}
        self._keys: dict[tuple[str, str, int], Track] = {}

    def programme(self, play: str | None, codec: str, clock_rate: int) -> Track | None:
        """Return a programme in a codec; None where no coder is known for it."""
        which = (play, codec, clock_rate)
        if which not in self._programmes:
            coder = self._coders(codec, clock_rate)
            if coder is None:
                return None
            if len(self._programmes) >= _MOST_TRACKS:
                self._programmes.pop(next(iter(self._programmes)))
            found = programme(play, coder.rate)
            self._programmes[which] = _track(coder, found.once, found.again)
            coder.close()
        return self._programmes[which]

    def key(self, digit: str, codec: str, clock_rate: int) -> Track | None:
        """Return the tones of a key with the pause after it; None where no coder is known."""
        which = (digit, codec, clock_rate)
        if which not in self._keys:
            coder = self._coders(codec, clock_rate)
            if coder is None:
                return None
            sound = key_tone(digit, keys.PRESSED_S, coder.rate)
            self._keys[which] = _track(coder, sound + silence(keys.PAUSE_S, coder.rate), b"")
            coder.close()
        return self._keys[which]


class Player:
    """The programme of a call, on the side where the call is signalled."""

    def __init__(self, play: str | None, tracks: Tracks) -> None:
        self.began_at: float | None = None
        "When the first packet was sent, on the trace's clock; known when the call is over."
        self.sent: list[Sent] = []
        "What was sent, where it is kept; known when the call is over."
        self.reel = Reel()
        "What is copied to where it is sent from."
        self._play = play
        self._tracks = tracks

    @property
    def plays_marker(self) -> bool:
        """Whether an echo is to be looked for."""
        return self._play == "marker"

    def keep(self, keeps: bool) -> None:
        """Say whether what is sent is kept, for a recording; before the call."""
        self.reel.keep(keeps)

    def prepare(self, codec: str, clock_rate: int = 8000) -> None:
        """Encode the programme for a codec; nothing where no coder is known for it."""
        track = self._tracks.programme(self._play, codec.upper(), clock_rate)
        if track is not None:
            self.reel.tracks[codec.upper(), clock_rate] = track

    def press(self, digits: str, way: str) -> Pressed:
        """Return what is to be told to the reel so that keys are pressed, one after the other.

        ``way`` is ``rfc4733`` or ``inband``. In-band keys are encoded for every codec that was
        prepared.
        """
        found: dict[tuple[str, int, str], Track] = {}
        if way == "inband":
            for codec, clock_rate in self.reel.tracks:
                for digit in dict.fromkeys(digits):
                    track = self._tracks.key(digit, codec, clock_rate)
                    if track is not None:
                        found[codec, clock_rate, digit] = track
        return Pressed(digits, way, found)


def _frames(coder: Coder, pcm: bytes) -> Iterator[bytes]:
    """Encode samples frame by frame; the last frame is filled up with silence."""
    size = 2 * round(coder.rate * coder.frame_s)
    for first in range(0, len(pcm), size):
        yield coder.encode(pcm[first : first + size].ljust(size, b"\0"))
