"""A reference recording held against what was heard: where it begins, how alike, what is missing.

The reference is found by cross-correlation (SciPy), then both are compared by STOI, the short-time
objective intelligibility measure (pystoi; Taal et al., IEEE TASL 19(7), 2011).
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from probe.hearing.recording import Recording
from probe.hearing.samples import Samples
from probe.trace.media import Likeness

RATE = 8000
"""Samples per second at which both are compared."""

_FRAME_S = 0.02
_FAINT_DB = 20.0
"""A frame of the reference counts from 20 dB below its mean: what is fainter, nobody misses."""

_MISSING_DB = 15.0
"""What is this much fainter than it should be is missing."""

_SHORTEST_S = 0.6
"""STOI looks at stretches of 0.4 s; less than this has no score worth telling."""


def likeness(name: str, reference: Samples, recording: Recording) -> Likeness | None:
    """Return how alike they are; None where either is too short to say. ``reference`` has RATE."""
    from pystoi import stoi  # noqa: PLC0415 - with SciPy 0.7 s

    heard = _at_rate(recording)
    wanted = _sounding(reference)
    if len(wanted) < _SHORTEST_S * RATE or len(heard) < _SHORTEST_S * RATE:
        return None
    place = _place(wanted, heard)
    aligned = _cut(heard, place, len(wanted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few frames with sound: its score is 0 then
        score = float(stoi(wanted, aligned, RATE, extended=False))
    return Likeness(
        reference=name,
        score=round(max(score, 0.0), 3),
        at=round(recording.began + place / RATE, 3),
        clipped_s=round(_clipped(wanted, aligned), 3),
    )


def _at_rate(recording: Recording) -> Samples:
    """Return what was heard at RATE."""
    if recording.rate == RATE:
        return recording.samples
    from scipy.signal import resample_poly  # noqa: PLC0415

    found: Samples = resample_poly(recording.samples, RATE, recording.rate)
    return found


def _sounding(samples: Samples) -> Samples:
    """Return a reference without the silence before and after it."""
    loud = np.flatnonzero(np.abs(samples) > 0.1 * np.sqrt(np.mean(np.square(samples)) + 1e-12))
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]


def _place(wanted: Samples, heard: Samples) -> int:
    """Return the sample at which the reference begins; negative where its beginning is cut off."""
    from scipy.signal import correlate, correlation_lags  # noqa: PLC0415

    # A codec may turn the phase: its size decides, not its sign.
    found = np.abs(correlate(heard, wanted, mode="full", method="fft"))
    lags: NDArray[np.int64] = correlation_lags(len(heard), len(wanted), mode="full")
    return int(lags[int(np.argmax(found))])


def _cut(heard: Samples, place: int, length: int) -> Samples:
    """Return as much as the reference has, from a place on, with zeros where nothing was heard."""
    cut = np.zeros(length)
    begin, end = max(place, 0), min(place + length, len(heard))
    if end > begin:
        cut[begin - place : end - place] = heard[begin:end]
    return cut


def _clipped(wanted: Samples, aligned: Samples) -> float:
    """Return how many seconds of the reference's beginning are not in what was heard."""
    size = round(_FRAME_S * RATE)
    count = len(wanted) // size
    ours = np.mean(np.square(wanted[: count * size].reshape(count, size)), axis=1)
    theirs = np.mean(np.square(aligned[: count * size].reshape(count, size)), axis=1)
    loud = ours > np.mean(ours) * 10 ** (-_FAINT_DB / 10)
    # Another gain on the way is no clipping: levels are held against the median of both.
    gain = float(np.median(theirs[loud] / ours[loud])) if loud.any() else 0.0
    if gain <= 0:
        return 0.0
    there = theirs >= ours * gain * 10 ** (-_MISSING_DB / 10)
    begun = np.flatnonzero(loud & there)
    first = int(begun[0]) if begun.size else count
    return first * _FRAME_S if first > 1 else 0.0
