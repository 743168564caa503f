"""What `play:` says, as samples: a part that is played once, and one that is repeated after it."""

import math
import re
from array import array

from msgspec import Struct

from probe.playing import keys

AMPLITUDE = 10_000
"""Of 32,767: a tone of -13.3 dBov, loud and far from clipping."""

KEY_AMPLITUDE = 6_500
"""Of each of a key's two tones: -17 dBov, together -14."""

BEFORE_KEYS_S = 0.3
"""Silence before the first key: a path that has just opened may swallow its beginning."""

MARKER_FIRST_S = 0.5
MARKER_S = 0.25
MARKER_EVERY_S = 2.0
MARKER_HZ = (600.0, 2800.0)
"""The marker of an echo test: a sweep through what every codec carries, so that its return has one
place in time; long enough for codecs and loss, far enough apart for the way over a satellite."""

_TONE = re.compile(r"tone (\d+(?:\+\d+)*)Hz")
_LONGEST_LOOP_S = 3.0


class Programme(Struct, frozen=True):
    """16-bit samples of one channel."""

    once: bytes
    "Played first; may be empty."

    again: bytes
    "Played over and over after it."


def programme(play: str | None, rate: int) -> Programme:
    """Return what is played at a rate; raise ValueError where it cannot be read.

    Loops are whole periods and whole frames of every codec, so that nothing clicks.
    """
    quiet = silence(_LONGEST_LOOP_S, rate)
    if play is None or play == "silence":
        return Programme(b"", quiet)
    if found := _TONE.fullmatch(play):
        hz = [int(one) for one in found[1].split("+")]
        # Whole hertz have whole periods in a second; 3 s are whole frames of 10, 20 and 30 ms.
        return Programme(b"", tone(hz, _LONGEST_LOOP_S, rate, AMPLITUDE // len(hz)))
    if play.startswith("dtmf "):
        pressed = [silence(BEFORE_KEYS_S, rate)]
        for key in play.removeprefix("dtmf "):
            pressed += [key_tone(key, keys.PRESSED_S, rate), silence(keys.PAUSE_S, rate)]
        return Programme(b"".join(pressed), quiet)
    if play == "marker":
        rest = silence(MARKER_EVERY_S - MARKER_S, rate)
        return Programme(silence(MARKER_FIRST_S, rate), marker(rate) + rest)
    from probe.playing.wav import samples_of  # noqa: PLC0415 - needs SciPy

    return Programme(samples_of(play, rate), quiet)


def silence(seconds: float, rate: int) -> bytes:
    """Return samples of zero."""
    return bytes(2 * round(seconds * rate))


def tone(hz: list[int], seconds: float, rate: int, amplitude: float) -> bytes:
    """Return frequencies at once, each with an amplitude; one period is made, and repeated."""
    steps = [2 * math.pi * one / rate for one in hz]
    count = round(seconds * rate)
    period = array(
        "h",
        (
            round(sum(amplitude * math.sin(step * place) for step in steps))
            for place in range(min(rate // math.gcd(rate, *hz), count))
        ),
    ).tobytes()
    return (period * (2 * count // max(len(period), 1) + 1))[: 2 * count]


def key_tone(key: str, seconds: float, rate: int) -> bytes:
    """Return the tones of a pressed key."""
    return tone(list(keys.frequencies(key)), seconds, rate, KEY_AMPLITUDE)


def marker(rate: int) -> bytes:
    """Return the sweep of an echo test, its edges rounded."""
    count = round(MARKER_S * rate)
    low, high = MARKER_HZ
    found = array("h")
    for place in range(count):
        at = place / rate
        phase = 2 * math.pi * (low * at + (high - low) * at * at / (2 * MARKER_S))
        edge = min(1.0, place / (0.02 * rate), (count - place) / (0.02 * rate))
        found.append(round(AMPLITUDE * edge * math.sin(phase)))
    return found.tobytes()
