"""A steady tone in G.711, on the standard library alone."""

import math

from probe.rtp.silence import silence
from probe.rtp.sound import Frame
from probe.trace.media import Agreed

AMPLITUDE = 10_000
"""Of 32,767: about -13 dBov, loud and not clipped."""

_BIAS, _CLIP = 132, 32635


class Tone:
    """A source of one sine; silence in codecs other than PCMU and PCMA."""

    def __init__(self, hertz: int) -> None:
        self._hertz = hertz
        self._place = 0
        self._second: dict[str, bytes] = {}
        "A whole second, which ends where it begins, by codec."

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return the next stretch of the tone."""
        codec = agreed.codec.upper()
        encode = {"PCMU": ulaw, "PCMA": alaw}.get(codec)
        if encode is None:
            return silence(agreed)
        if codec not in self._second:
            turn = 2 * math.pi * self._hertz / 8000
            samples = (round(AMPLITUDE * math.sin(turn * n)) for n in range(8000))
            self._second[codec] = bytes(map(encode, samples)) * 2
        count = round(8000 * agreed.ptime_s)
        payload = self._second[codec][self._place : self._place + count]
        self._place = (self._place + count) % 8000
        return Frame(payload)


def ulaw(sample: int) -> int:
    """Compress a sample of 16 bits by the mu-law (ITU-T G.711)."""
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> exponent + 3 & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def alaw(sample: int) -> int:
    """Compress a sample of 16 bits by the A-law (ITU-T G.711)."""
    # A negative sample is one step nearer to zero in two's complement.
    magnitude = min((sample if sample >= 0 else ~sample) >> 3, 4095)
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = magnitude >> max(exponent, 1) & 0x0F
    return ((0x80 if sample >= 0 else 0) | exponent << 4 | mantissa) ^ 0x55
