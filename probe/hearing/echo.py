"""Markers of ours that came back: when, and how loud (ITU-T G.131 speaks of talker echo so)."""

from collections.abc import Sequence

import numpy as np

from probe.hearing.recording import Recording
from probe.hearing.samples import from_pcm
from probe.playing.programme import MARKER_EVERY_S, MARKER_FIRST_S, MARKER_S, marker
from probe.trace.media import Echo

_LEAST = 0.35
"""Normalised correlation from which a marker has come back; noise and speech stay below 0.2."""


def echoes(recording: Recording, sent_at: Sequence[float]) -> tuple[Echo, ...]:
    """Return what came back of markers that were sent at those times of the trace's clock."""
    from scipy.signal import correlate  # noqa: PLC0415 - 0.7 s

    sweep = from_pcm(marker(recording.rate))
    power = float(np.sum(np.square(sweep)))
    found: list[Echo] = []
    for sent in sent_at:
        first = max(round((sent - recording.began - 0.02) * recording.rate), 0)
        last = round((sent - recording.began + MARKER_EVERY_S) * recording.rate)
        window = recording.samples[first : max(last, 0)]
        if len(window) < len(sweep):
            continue
        match = correlate(window, sweep, mode="valid", method="fft")
        squares = np.concatenate(([0.0], np.cumsum(np.square(window))))
        energy = squares[len(sweep) :] - squares[: -len(sweep)]
        # What is 60 dB fainter than the marker is nothing, however alike.
        likeness = np.abs(match) / np.sqrt(np.maximum(energy, power * 1e-6) * power)
        top = int(np.argmax(likeness))
        if likeness[top] >= _LEAST:
            at = recording.began + (first + top) / recording.rate
            found.append(
                Echo(
                    at=round(at, 4),
                    delay_s=round(max(at - sent, 0.0), 4),
                    level_db=round(20 * float(np.log10(abs(match[top]) / power)), 1),
                )
            )
    return tuple(found)


def sent_times(began: float, until: float) -> tuple[float, ...]:
    """Return when markers of a programme that began then were sent whole before ``until``."""
    first = began + MARKER_FIRST_S
    count = max(int((until - first - MARKER_S) / MARKER_EVERY_S) + 1, 0)
    return tuple(first + place * MARKER_EVERY_S for place in range(count))
