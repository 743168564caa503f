"""Sound for the tests of hearing: tones, noise, speech of espeak-ng, and the loss of packets."""

import io
import shutil
import subprocess
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from probe.hearing.recording import Recording
from probe.playing.keys import frequencies

Samples = NDArray[np.float64]
RATE = 8000
PACKET = 160


def tone(*hz: float, seconds: float, level: float = 0.3, rate: int = RATE) -> Samples:
    """Return frequencies at once, of one loudness together."""
    times = np.arange(round(seconds * rate)) / rate
    return sum(
        (level / len(hz) * np.sin(2 * np.pi * one * times) for one in hz), np.zeros(len(times))
    )


def silence(seconds: float, rate: int = RATE) -> Samples:
    """Return digital silence."""
    return np.zeros(round(seconds * rate))


def noise(seconds: float, level: float = 0.05) -> Samples:
    """Return white noise, the same each time."""
    return np.random.default_rng(7).normal(0, level, round(seconds * RATE))


def keys(digits: str, *, on: float = 0.1, off: float = 0.1, level: float = 0.5) -> Samples:
    """Return DTMF."""
    parts = []
    for digit in digits:
        parts += [tone(*frequencies(digit), seconds=on, level=level), silence(off)]
    return np.concatenate(parts)


@lru_cache(maxsize=8)
def _spoken(text: str, voice: str) -> tuple[int, Samples]:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: tests/install-peers does it")
    made = subprocess.run(
        ["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True
    ).stdout
    # The header of a stream has no length: what follows it is samples.
    data = made[made.index(b"data") + 8 :]
    rate = int.from_bytes(made[24:28], "little")
    return rate, np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2") / 32768.0


def speech(text: str, voice: str = "en", rate: int = RATE) -> Samples:
    """Return a text as espeak-ng speaks it."""
    own, samples = _spoken(text, voice)
    return resample_poly(samples, rate, own)


def recorded(
    samples: Samples, *, loss: float = 0.0, seed: int = 1, began: float = 0.0
) -> Recording:
    """Return a recording of it, with packets lost at random."""
    whole = samples[: len(samples) // PACKET * PACKET].copy()
    arrived = np.ones(len(whole), dtype=bool)
    if loss:
        lost = np.random.default_rng(seed).random(len(whole) // PACKET) < loss
        arrived[np.repeat(lost, PACKET)] = False
        whole[~arrived] = 0
    return Recording(samples=whole, rate=RATE, arrived=arrived, began=began)


def wav(samples: Samples, rate: int = RATE) -> bytes:
    """Return a WAV file of 16 bits."""
    file = io.BytesIO()
    wavfile.write(file, rate, np.round(samples * 32767).astype(np.int16))
    return file.getvalue()
