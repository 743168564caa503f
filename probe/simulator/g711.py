"""Sound as bytes: tones in mu-law and A-law (ITU-T G.711), 8000 samples a second."""

import math
from functools import lru_cache

RATE = 8000
"""Samples a second."""

SILENT = {"PCMU": b"\xff", "PCMA": b"\xd5"}
"""The byte of silence in each law."""

_MOST = 32767


@lru_cache(maxsize=64)
def tone(frequencies: tuple[int, ...], peak: int, codec: str) -> bytes:
    """Return one second of frequencies in whole hertz together; it can be repeated seamlessly.

    ``peak`` is that of the sum, of 32767; ``codec`` is PCMU or PCMA.
    """
    encode = _alaw if codec == "PCMA" else _ulaw
    each = min(peak, _MOST) / len(frequencies)
    return bytes(
        encode(round(sum(each * math.sin(2 * math.pi * hz * n / RATE) for hz in frequencies)))
        for n in range(RATE)
    )


def piece(second: bytes, start: int, length: int) -> bytes:
    """Return ``length`` samples of a repeated second from sample ``start`` on."""
    at = start % RATE
    return (second + second[:length])[at : at + length]


def _ulaw(sample: int) -> int:
    """Compress a 16-bit sample by the mu-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | (exponent << 4) | mantissa) & 0xFF


def _alaw(sample: int) -> int:
    """Compress a 16-bit sample by the A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), _MOST) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F
    return (sign | (exponent << 4) | mantissa) ^ 0x55
