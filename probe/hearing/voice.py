"""Speech, noise or other sound: what frames that are neither tone nor silence amount to."""

import numpy as np

from probe.hearing.frames import FRAME_S, Frames
from probe.hearing.samples import Mask

VOICED = 0.55
"""Autocorrelation at a pitch from which a window counts as voiced."""

_LEAST_VOICED = 0.2
"""Share of windows: vowels fill more than a third of what is spoken."""

_LEAST_SPREAD_DB = 4.0
"""Spread of the frames' levels: syllables come and go, noise stands still."""

_NOISY = 0.25
"""Spectral flatness above which a window is noise rather than anything else."""


def kind_of(frames: Frames, here: Mask) -> str:
    """Return speech, noise or sound for the frames of a stretch; ``here`` marks them."""
    level = frames.level_dbov[here]
    loudest = float(np.percentile(level, 95))
    loud = here & frames.whole & (frames.level_dbov > loudest - 25)
    if not loud.any():
        return "sound"
    voiced = float((frames.voicing[loud] >= VOICED).mean())
    flat = float(np.median(frames.flatness[loud]))
    spread = float(np.std(np.maximum(level, loudest - 30)))
    if voiced >= _LEAST_VOICED and spread >= _LEAST_SPREAD_DB and here.sum() * FRAME_S >= 0.3:
        return "speech"
    if voiced < _LEAST_VOICED and flat >= _NOISY and spread < _LEAST_SPREAD_DB:
        return "noise"
    return "sound"
