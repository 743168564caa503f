"""Frequency, level and purity of a steady tone, measured over all of its length."""

import numpy as np
from msgspec import Struct

from probe.hearing.samples import Samples, level_dbov

_LEAST_SECOND = 0.02
"""A second frequency counts from 17 dB below the first: ITU-T Q.24 and E.180 allow less twist."""

_LONGEST_S = 2.0
"""Seconds that are looked at: more would not tell more."""


class Tone(Struct, frozen=True, kw_only=True):
    """A steady sound of one to three frequencies."""

    frequencies_hz: tuple[float, ...]
    "Ascending."

    level_dbov: float
    "Level of the whole, dBov."

    purity: float
    "Share of the energy that lies at those frequencies, 0 to 1."


def measure(samples: Samples, rate: int) -> Tone:
    """Measure a steady sound: shape (n,), at least 40 ms."""
    samples = samples[: round(_LONGEST_S * rate)]
    size = len(samples)
    padded = max(4 * size, 2 * rate)
    energy = np.square(np.abs(np.fft.rfft(samples * np.hanning(size), padded)))
    line = rate / padded
    energy[: int(60 / line)] = 0
    total = float(energy.sum())
    found: list[tuple[float, float]] = []
    reach = max(round(3.0 * rate / size / line), 1)  # the main lobe of a Hann window, and some
    rest = energy.copy()
    for _ in range(3):
        top = int(rest.argmax())
        if rest[top] <= 0:
            break
        low, high = max(top - reach, 0), top + reach + 1
        share = float(rest[low:high].sum())
        if found and share < _LEAST_SECOND * found[0][1]:
            break
        found.append((_between(energy, top) * line, share))
        rest[low:high] = 0
    taken = sum(share for _, share in found)
    return Tone(
        frequencies_hz=tuple(sorted(round(hz, 1) for hz, _ in found)),
        level_dbov=round(level_dbov(samples), 1),
        purity=round(taken / total, 3) if total > 0 else 0.0,
    )


def _between(energy: Samples, top: int) -> float:
    """Return the place of a peak between two lines (a parabola over the logarithm)."""
    if not 0 < top < len(energy) - 1:
        return float(top)
    left, here, right = (float(np.log(energy[i] + 1e-30)) for i in (top - 1, top, top + 1))
    bend = left - 2 * here + right
    return top + (0.5 * (left - right) / bend if bend else 0.0)
