"""Sound cut into frames of 20 ms: how loud each is, whether it arrived, how tonal it is."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from probe.hearing.recording import Recording
from probe.hearing.samples import FLOOR_DBOV, Mask

FRAME_S = 0.02
"""Seconds in a frame: what most packets carry (RFC 3551 §4.2)."""

WINDOW = 4
"""Frames that one look at the spectrum takes in: 80 ms tell 350 from 440 Hz apart."""

_PAD = 4
"""How much finer than the window the spectrum is read; finds a peak between two lines."""

_MAIN_LOBE_HZ = 2.0 / (WINDOW * FRAME_S) * 1.6
"""Half the width of a tone in the spectrum of that window (Hann), with some room."""

_STEP = 48
"""Windows that are looked at in one go: about 2 ms, and some hundred kilobytes."""


class Frames(Struct, frozen=True, kw_only=True, eq=False):
    """What each frame of a recording is like; all arrays have one entry a frame."""

    level_dbov: NDArray[np.float64]
    "Level of the frame; the floor where nothing arrived."

    arrived: Mask
    "Whether at least half of it arrived."

    whole: Mask
    "Whether all of the window that begins here arrived."

    purity: NDArray[np.float64]
    "Share of the window's energy in its two strongest peaks, 0 to 1."

    peaks_hz: NDArray[np.float64]
    "Shape (frames, 2): their frequencies, strongest first; 0 where there is no second."

    flatness: NDArray[np.float64]
    "Spectral flatness of the window: about 0.5 for white noise, near 0 for tones and vowels."

    voicing: NDArray[np.float64]
    "Highest autocorrelation of the window at the pitches of a voice (70 to 400 Hz), 0 to 1."

    def __len__(self) -> int:
        return len(self.level_dbov)


def cut(recording: Recording) -> Frames:
    """Look at each frame of a recording, and at the window of 80 ms that begins with it."""
    size = round(recording.rate * FRAME_S)
    count = len(recording.samples) // size
    cuts = recording.samples[: count * size].reshape(count, size)
    here = recording.arrived[: count * size].reshape(count, size)
    power = np.mean(np.square(cuts), axis=1) if count else np.zeros(0)
    level = np.full(count, FLOOR_DBOV)
    loud = power > 10 ** (FLOOR_DBOV / 10)
    level[loud] = 10 * np.log10(power[loud])
    arrived = here.mean(axis=1) >= 0.5 if count else np.zeros(0, dtype=bool)
    purity, flatness, voicing = np.zeros(count), np.zeros(count), np.zeros(count)
    peaks = np.zeros((count, 2))
    whole = np.zeros(count, dtype=bool)
    if count >= WINDOW:
        spans = np.lib.stride_tricks.sliding_window_view(
            recording.samples[: count * size], WINDOW * size
        )[::size]
        whole[: len(spans)] = np.lib.stride_tricks.sliding_window_view(arrived, WINDOW).all(axis=1)
        # Short steps: other calls of this process want their turn every few milliseconds.
        for first in range(0, len(spans), _STEP):
            part = slice(first, min(first + _STEP, len(spans)))
            found = _spectral(spans[part], recording.rate)
            purity[part], peaks[part], flatness[part] = found
            voicing[part] = _voicing(spans[part], recording.rate)
    return Frames(
        level_dbov=level, arrived=arrived, whole=whole, purity=purity, peaks_hz=peaks,
        flatness=flatness, voicing=voicing,
    )  # fmt: skip


def _spectral(
    spans: NDArray[np.float64], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return purity, the two strongest peaks and flatness of windows, shape (n, samples)."""
    size = spans.shape[1]
    energy = np.square(np.abs(np.fft.rfft(spans * np.hanning(size), _PAD * size, axis=1)))
    line = rate / (_PAD * size)
    energy[:, : int(60 / line)] = 0  # the mains and what lies below are nobody's signal
    total = energy.sum(axis=1)
    band = energy[:, int(300 / line) : int(3400 / line)] + 1e-20
    flatness = np.exp(np.mean(np.log(band), axis=1)) / np.mean(band, axis=1)
    rest = energy.copy()
    rows = np.arange(len(spans))
    reach = round(_MAIN_LOBE_HZ / line)
    peaks = np.zeros((len(spans), 2))
    taken = np.zeros(len(spans))
    columns = np.arange(energy.shape[1])[None, :]
    for place in range(2):
        top = rest.argmax(axis=1)
        lobe = np.abs(columns - top[:, None]) <= reach
        share = np.where(lobe, rest, 0).sum(axis=1)
        # A second peak 20 dB below the first is no second tone.
        counts = (share > 0.01 * total) & (rest[rows, top] > 0)
        peaks[:, place] = np.where(counts, top * line, 0)
        taken += share
        rest[lobe] = 0
    purity = np.divide(taken, total, out=np.zeros(len(spans)), where=total > 1e-12)
    return purity, peaks, flatness


def _voicing(spans: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return the highest normalised autocorrelation at the lags of a human pitch."""
    size = spans.shape[1]
    power = np.square(np.abs(np.fft.rfft(spans, 2 * size, axis=1)))
    found = np.fft.irfft(power, axis=1)[:, :size]
    lags = found[:, rate // 400 : rate // 70]
    fades = 1 - np.arange(rate // 400, rate // 70) / size
    best: NDArray[np.float64] = (lags / fades).max(axis=1)
    zero = found[:, 0]
    return np.clip(np.divide(best, zero, out=np.zeros(len(spans)), where=zero > 1e-9), 0, 1)
