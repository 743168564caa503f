"""Which law of G.711 bytes were made by: sound can be predicted, its bytes read wrongly cannot.

A sample of speech or of a tone follows from the ten before it, but for a small rest (linear
prediction, as codecs for speech use it). Read by the law that it was not made by, each sample is
distorted in its own way, and the rest grows: twice for speech, ten to a hundred times for a tone.
"""

import numpy as np

from probe.hearing.samples import Samples

ORDER = 10
"""Samples that one is predicted from."""

TIMES = 1.5
"""How many times greater the rest must be by the agreed law than by the other one."""

MOST_REST = 0.6
"""Share of the energy that may be left by the other law; of noise all is left by either."""

LEAST_LEVEL = 40.0
"""Standard deviation of a sound that is no silence, of 32768."""

LONGEST = 80_000
"""Bytes that are looked at: ten seconds."""

_LEAST = 1600

_LAGS = abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
"""Distance of any two of the samples that one is predicted from: a Toeplitz matrix of places."""


def other_law(payload: bytes, codec: str) -> bool:
    """Whether bytes marked as PCMU or PCMA are sound by the other law (ITU-T G.711)."""
    codes = np.frombuffer(payload[:LONGEST], dtype=np.uint8)
    if len(codes) < _LEAST or codec not in _TABLES:
        return False
    agreed = _TABLES[codec][codes]
    other = _TABLES["PCMA" if codec == "PCMU" else "PCMU"][codes]
    if float(np.std(other)) < LEAST_LEVEL:
        return False
    rest = _rest(other)
    return rest < MOST_REST and _rest(agreed) > TIMES * rest


def _rest(samples: Samples) -> float:
    """Return the share of the energy that linear prediction leaves."""
    centred = samples - samples.mean()
    energy = float(np.dot(centred, centred))
    if not energy:
        return 1.0
    count = len(centred)
    r = np.array([np.dot(centred[: count - k], centred[k:]) for k in range(ORDER + 1)]) / energy
    r[0] *= 1 + 1e-9  # a pure tone is predicted by two samples: keep the equations solvable
    # Ten equations need no SciPy, which takes 0.3 s to load after each call.
    return float(1 - np.dot(np.linalg.solve(r[_LAGS], r[1:]), r[1:]))


def _ulaw(code: int) -> int:
    code = ~code & 0xFF
    value = ((((code & 0x0F) << 3) + 132) << (code >> 4 & 7)) - 132
    return -value if code & 0x80 else value


def _alaw(code: int) -> int:
    code ^= 0x55
    value, segment = ((code & 0x0F) << 4) + 8, code >> 4 & 7
    value = (value + 256) << (segment - 1) if segment else value
    return value if code & 0x80 else -value


_TABLES = {
    "PCMU": np.array([_ulaw(code) for code in range(256)], dtype=np.float64),
    "PCMA": np.array([_alaw(code) for code in range(256)], dtype=np.float64),
}
