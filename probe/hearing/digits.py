"""DTMF digits in sound: two tones at once (ITU-T Q.23), told apart from speech (ITU-T Q.24)."""

import numpy as np
from numpy.typing import NDArray

from probe.hearing.recording import Recording
from probe.playing.keys import COLUMNS_HZ, LAYOUT, ROWS_HZ
from probe.trace.media import Digit

_WINDOW_S = 0.0256
"""Seconds a look: 205 samples at 8 kHz, which tells neighbours apart and fits into 40 ms twice."""

_HOP_S = 0.005
_STEP = 256
"""Windows that are looked at in one go: less than 2 ms, because other calls want their turn."""

_LEAST_SHARE = 0.75
"""Share of the energy at the two frequencies from which a look is a digit; speech has less."""

_LEAST_POWER = 10 ** (-42 / 10)
"""A digit is louder than -42 dBov (ITU-T Q.24 table A-1: some -29 dBm, with room)."""

_MOST_TWIST = 10 ** (10 / 10)
"""One of the two may be 10 dB above the other (ITU-T Q.24 asks for 4 to 8)."""

_LEAST_S = 0.03
"""Shortest digit: Q.24 wants 40 ms accepted and 24 ms refused; looks see it a little shorter."""

_BRIDGE_S = 0.03
"""A hole this long does not end a digit: one lost packet, and a break of Q.24 (10 ms)."""


def inband(recording: Recording) -> tuple[Digit, ...]:
    """Return the digits that sound holds, with when and how long."""
    size, hop = round(recording.rate * _WINDOW_S), round(recording.rate * _HOP_S)
    if len(recording.samples) < size:
        return ()
    spans = np.lib.stride_tricks.sliding_window_view(recording.samples, size)[::hop]
    keys = _keys(spans, recording.rate)
    here = np.lib.stride_tricks.sliding_window_view(recording.arrived, size)[::hop]
    return _runs(keys, here.mean(axis=1) > 0.6, recording.began, hop / recording.rate)


def _keys(spans: NDArray[np.float64], rate: int) -> list[str]:
    """Return the key of each window, '' where it is none."""
    size = spans.shape[1]
    times = np.arange(size) / rate
    wanted = np.array(ROWS_HZ + COLUMNS_HZ)
    waves = np.exp(-2j * np.pi * wanted[None, :] * times[:, None])
    keys: list[str] = []
    for first in range(0, len(spans), _STEP):
        part = spans[first : first + _STEP]
        power = np.square(np.abs(part @ waves)) * 2 / size**2
        total = np.mean(np.square(part), axis=1)
        rows, columns = power[:, :4], power[:, 4:]
        row, column = rows.argmax(axis=1), columns.argmax(axis=1)
        low, high = rows.max(axis=1), columns.max(axis=1)
        second = np.maximum(np.sort(rows, axis=1)[:, -2] / (low + 1e-12),
                            np.sort(columns, axis=1)[:, -2] / (high + 1e-12))  # fmt: skip
        good = (
            (low + high > _LEAST_SHARE * total)
            & (low + high > _LEAST_POWER)
            & (low < _MOST_TWIST * high)
            & (high < _MOST_TWIST * low)
            & (second < 0.4)
        )
        keys += [LAYOUT[r][c] if g else "" for r, c, g in zip(row, column, good, strict=True)]
    return keys


def _runs(
    keys: list[str], arrived: NDArray[np.bool_], began: float, hop_s: float
) -> tuple[Digit, ...]:
    """Join windows to digits; what is too short is none."""
    found: list[tuple[str, int, int]] = []
    for place, key in enumerate(keys):
        if not key:
            continue
        if found and found[-1][0] == key:
            hole = place - found[-1][2]
            missing = hole - int(arrived[found[-1][2] : place].sum())
            if (hole - missing) * hop_s <= _BRIDGE_S:
                found[-1] = (key, found[-1][1], place)
                continue
        found.append((key, place, place))
    # A window holds the key while about half of it does: the tone is as long as its windows.
    return tuple(
        Digit(
            digit=key,
            how="inband",
            at=round(began + first * hop_s + _WINDOW_S / 2 - hop_s, 3),
            length_s=round((last - first + 1) * hop_s, 3),
        )
        for key, first, last in found
        if (last - first + 1) * hop_s >= _LEAST_S
    )
