"""Sound cut into what one packet carries: tones, silence, pauses, and digits pressed on a phone."""

import struct
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.simulator.g711 import RATE, SILENT, piece, tone
from probe.simulator.sound import Sound, Source

COMFORT_NOISE = 13
"""Static payload type of comfort noise (RFC 3551 §4.5.4)."""

KEYS = "1234#"
"""What the two sources of digits press."""

_OTHER = {"PCMU": "PCMA", "PCMA": "PCMU"}
_UNOBTAINABLE = (950, 1400, 1800)
_NOISE_LEVEL = b"\x3c"  # RFC 3389 §3.1: -60 dBov
_TALK_S = 0.6  # as long as the pause after it
_NOISE_EVERY_S = 0.2
_FIRST_KEY_S = 0.3
_KEY_S, _KEY_EVERY_S = 0.1, 0.3
_ENDS = 3  # RFC 4733 §2.5.1.4: the last packet of a key is sent three times
_VOLUME = 10  # dBm0 below zero
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_PAD = ("123A", "456B", "789C", "*0#D")
_CODES = "0123456789*#ABCD"  # RFC 4733 §3.2


class Piece(Struct, frozen=True, kw_only=True):
    """What one packet carries."""

    data: bytes
    "The payload."

    at: int
    "Its RTP time in samples since the sound began."

    payload: int | None = None
    "The payload type where it is not that of the codec."

    marker: bool = False
    "Whether it begins a talk spurt or a key press (RFC 3551 §4.1)."


Pieces = Callable[[int], tuple[Piece, ...]]
"""What is due in the packet time with a number, from 0: mostly one piece."""


def pieces(source: Source, sound: Sound, codec: str, events: int | None) -> Pieces:
    """Return a sound, piece by piece; ``events`` is the payload type of telephone-events."""
    law = _OTHER[codec] if sound.other_law else codec
    length = round(sound.packet_s * RATE)

    def played(number: int, *frequencies: int) -> Piece:
        """Return a piece of these frequencies together; of silence where there are none."""
        if frequencies:
            data = piece(tone(frequencies, sound.level, law), number * length, length)
        else:
            data = SILENT[law] * length
        return Piece(data=data, at=number * length, marker=number == 0)

    def made(number: int) -> tuple[Piece, ...]:
        sound = played(number, *_frequencies(source, number * length / RATE))
        if source is Source.PAUSES:
            return _paused(number, length, sound)
        pressed = () if events is None else _event(number, length, events)
        if source is Source.DIGITS:
            return pressed or (sound,)
        return (*pressed, sound) if source is Source.BOTH_DIGITS else (sound,)

    return made


def _frequencies(source: Source, at: float) -> tuple[int, ...]:
    """Return what sounds at a time in seconds; nothing for silence."""
    match source:
        case Source.TONE | Source.PAUSES:
            return (1004,)
        case Source.RINGING:
            return (400, 450)
        case Source.BUSY:
            return (480, 620) if at % 1.0 < 0.5 else ()
        case Source.UNOBTAINABLE:
            step = int(at % 2.0 / 0.33)
            return (_UNOBTAINABLE[step],) if step < len(_UNOBTAINABLE) else ()
        case Source.KEY_TONES | Source.BOTH_DIGITS:
            key, since = _pressed(at)
            return frequencies_of(key) if key and since < _KEY_S else ()
        case _:
            return ()


def _paused(number: int, length: int, talk: Piece) -> tuple[Piece, ...]:
    """Return talk, or a description of the noise in a pause, or nothing (RFC 3389 §4)."""
    each = round(_TALK_S * RATE / length)
    spurt, place = divmod(number, each)
    if spurt % 2 == 0:
        return (replace(talk, marker=place == 0),)
    if place % round(_NOISE_EVERY_S * RATE / length):
        return ()
    return (Piece(data=_NOISE_LEVEL, at=number * length, payload=COMFORT_NOISE),)


def frequencies_of(key: str) -> tuple[int, int]:
    """Return row and column of a key in hertz (ITU-T Q.23)."""
    row = next(i for i, keys in enumerate(_PAD) if key in keys)
    return _ROWS[row], _COLUMNS[_PAD[row].index(key)]


def _pressed(at: float) -> tuple[str, float]:
    """Return the key that is pressed or was last, and for how many seconds; empty before."""
    number, since = divmod(round(at - _FIRST_KEY_S, 6), _KEY_EVERY_S)
    return (KEYS[int(number)], since) if 0 <= number < len(KEYS) else ("", 0.0)


def _event(number: int, length: int, events: int) -> tuple[Piece, ...]:
    """Return a key press: one RTP time, a growing duration, the end three times (RFC 4733 §2.5)."""
    key, since = _pressed(number * length / RATE)
    place, held = round(since * RATE / length), round(_KEY_S * RATE / length)
    if not key or place >= held + _ENDS:
        return ()
    ended = place >= held
    duration = min(place + 1, held) * length
    data = struct.pack("!BBH", _CODES.index(key), ended << 7 | _VOLUME, duration)
    at = (number - place) * length
    return (Piece(data=data, at=at, payload=events, marker=place == 0),)
