"""Silence as payload: what a call sends that has nothing to say, so that nobody hangs up on it.

A peer with an RTP time-out ends a call from which nothing comes. Silence is therefore sent in every
call that is up, as a telephone whose owner listens.
"""

from functools import cache

from probe.rtp.sound import Frame
from probe.trace.media import Agreed

_FILLED = {"PCMU": 0xFF, "PCMA": 0xD5}
"""The byte of a sample of zero (ITU-T G.711)."""


class Silence:
    """A source of digital silence; None for codecs whose silence is not known here."""

    kept = None

    def frame(self, agreed: Agreed) -> Frame | None:
        """Return a packet of silence."""
        return silence(agreed)

    def told(self, words: object) -> None:
        """Be silent about it."""


@cache
def _filled(byte: int, samples: int) -> Frame:
    return Frame(bytes((byte,)) * samples)


def silence(agreed: Agreed) -> Frame | None:
    """Return the payload of one packet of silence."""
    codec = agreed.codec.upper()
    if codec in _FILLED:
        samples = round(agreed.clock_rate * agreed.ptime_s)
        return _filled(_FILLED[codec], samples)
    return None
