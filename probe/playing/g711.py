"""G.711: PCMU and PCMA by table (ITU-T G.711, RFC 3551 §4.5.14)."""

from array import array
from functools import lru_cache

_BIAS = 132
_LOUDEST = 32635


class G711:
    """Codes one sample a byte; has no memory, so one object serves everybody."""

    rate = 8000
    frame_s = 0.01
    remembers = False

    def __init__(self, name: str) -> None:
        """``name`` is PCMU or PCMA."""
        self._coded, self._clear = _tables(name.upper())

    def encode(self, pcm: bytes) -> bytes:
        """Return one byte for each 16-bit sample."""
        coded = self._coded
        return bytes(coded[sample >> 2] for sample in array("h", pcm))

    def decode(self, payload: bytes) -> bytes:
        """Return one 16-bit sample for each byte."""
        clear = self._clear
        return array("h", [clear[byte] for byte in payload]).tobytes()

    def close(self) -> None:
        """Nothing is to be given back."""


@lru_cache(maxsize=2)
def _tables(name: str) -> tuple[dict[int, int], tuple[int, ...]]:
    """Return codes by the upper 14 bits of a sample, and samples by code."""
    encode = _alaw if name == "PCMA" else _ulaw
    decode = _from_alaw if name == "PCMA" else _from_ulaw
    return (
        {upper: encode(upper << 2) for upper in range(-8192, 8192)},
        tuple(decode(code) for code in range(256)),
    )


def _ulaw(sample: int) -> int:
    """Compress a 16-bit sample by the mu-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _LOUDEST) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | (exponent << 4) | mantissa) & 0xFF


def _from_ulaw(code: int) -> int:
    code = ~code & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw(sample: int) -> int:
    """Compress a 16-bit sample by the A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F
    return (sign | (exponent << 4) | mantissa) ^ 0x55


def _from_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = (magnitude + 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude
