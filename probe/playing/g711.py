"""G.711: PCMU and PCMA by table (ITU-T G.711, RFC 3551 §4.5.14)."""

from array import array
from functools import lru_cache

_BIAS = 132
_OTHER_SIGN = bytes(code ^ 0x80 for code in range(256))


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
        return bytes(map(self._coded.__getitem__, array("h", pcm)))

    def decode(self, payload: bytes) -> bytes:
        """Return one 16-bit sample for each byte."""
        clear = self._clear
        return array("h", map(clear.__getitem__, payload)).tobytes()

    def close(self) -> None:
        """Nothing is to be given back."""


@lru_cache(maxsize=2)
def _tables(name: str) -> tuple[bytes, tuple[int, ...]]:
    """Return codes by sample, the negative ones from the end on, and samples by code.

    A code stands for a run of samples, so the table is put together of 128 runs and not computed
    sample by sample, which takes 40 ms before the first call.
    """
    if name == "PCMA":
        return _alaw(), tuple(map(_from_alaw, range(256)))
    return _ulaw(), tuple(map(_from_ulaw, range(256)))


def _ulaw() -> bytes:
    """Return the codes of the mu-law."""
    runs = (
        bytes([~(exponent << 4 | mantissa) & 0xFF]) * (8 << exponent)
        for exponent in range(8)
        for mantissa in range(16)
    )
    # Codes differ in the upper 14 bits of a sample; the loudest samples share the last code.
    positive = b"".join(runs)[_BIAS - 128 :].ljust(32772, b"\x80")
    return positive[:32768] + positive[:3:-1].translate(_OTHER_SIGN)


def _alaw() -> bytes:
    """Return the codes of the A-law."""
    runs = (
        bytes([(0x80 | exponent << 4 | mantissa) ^ 0x55]) * (8 << max(exponent, 1))
        for exponent in range(8)
        for mantissa in range(16)
    )
    positive = b"".join(runs)
    return positive + positive[::-1].translate(_OTHER_SIGN)


def _from_ulaw(code: int) -> int:
    code = ~code & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _from_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = (magnitude + 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude
