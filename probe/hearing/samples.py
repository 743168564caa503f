"""Sound as NumPy arrays: one channel, full scale at ±1, and its level."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float64]
"""One channel; shape (n,), full scale at ±1."""

Mask: TypeAlias = NDArray[np.bool_]
"""What holds for each of something; shape (n,)."""

FLOOR_DBOV = -96.0
"""What digital silence is called: below the last step of 16 bits."""


def from_pcm(pcm: bytes) -> Samples:
    """Read 16-bit samples of this machine's byte order."""
    found: Samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float64) / 32768.0
    return found


def to_pcm(samples: Samples) -> bytes:
    """Write 16-bit samples of this machine's byte order; what is louder than full scale is cut."""
    whole: bytes = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16).tobytes()
    return whole


def level_dbov(samples: Samples) -> float:
    """Return the level in dBov: a full-scale square wave is 0, a sine -3.01 (RFC 6465 §3)."""
    power = float(np.mean(np.square(samples))) if samples.size else 0.0
    return max(10.0 * float(np.log10(power)), FLOOR_DBOV) if power > 0 else FLOOR_DBOV
